"""What Ordercast needs to stand on a Prefect server: work pool, workers, deployments."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from config.prefect_server import WORK_POOL
from config.settings import PROJECT_DIR
from ordercast.doctor.findings import Finding

PART = "Prefect"
DEPLOYED = PROJECT_DIR / "prefect.yaml"
COMPARED = ("entrypoint", "description", "enforce_parameter_schema")
START_RELAY = "start a relay, which makes it: `ordercast serve relay`"


def work_pool(pool: Mapping[str, Any] | None, *, wanted_type: str) -> Iterator[Finding]:
    """Whether the orders' work pool is there, of the right type, and not paused."""
    if pool is None:
        yield Finding(PART, f"no work pool `{WORK_POOL}`", START_RELAY)
        return
    if pool["type"] != wanted_type:
        found = f"the work pool `{WORK_POOL}` is of type {pool['type']}, not {wanted_type}"
        cure = "set ORDERCAST_PREFECT__WORK_POOL_TYPE, or delete the pool: a relay makes it anew"
        yield Finding(PART, found, cure)
    elif pool["is_paused"]:
        yield Finding(PART, f"the work pool `{WORK_POOL}` is paused", "resume it in the Prefect UI")
    else:
        yield Finding(PART, f"work pool `{WORK_POOL}`, {pool['type']}")


def workers(known: Sequence[Mapping[str, Any]]) -> Iterator[Finding]:
    """How many workers are online."""
    online = [each for each in known if each["status"] == "ONLINE"]
    cure = "" if online else "start one: `ordercast serve worker`"
    yield Finding("worker", f"{len(online)} online", cure)


def deployments(
    known: Sequence[Mapping[str, Any]], wanted: Sequence[Mapping[str, Any]]
) -> Iterator[Finding]:
    """Whether the deployments of prefect.yaml are there, up to date, and not paused."""
    by_name = {each["name"]: each for each in known}
    for each in wanted:
        name = f"deployment `{each['name']}`"
        found = by_name.get(each["name"])
        if found is None:
            yield Finding(PART, f"no {name}", START_RELAY)
        elif stale := [key for key in COMPARED if _text(found.get(key)) != _text(each.get(key))]:
            told = f"{name} has another {', '.join(stale)} than prefect.yaml"
            yield Finding(PART, told, "restart a relay, or run `prefect --no-prompt deploy --all`")
        elif found.get("paused"):
            yield Finding(PART, f"{name} is paused", "resume it in the Prefect UI")
        else:
            yield Finding(PART, f"{name} is up to date")


def schedules(planned: Mapping[str, int]) -> Iterator[Finding]:
    """Whether runs are planned, by the name of each deployment that has a schedule."""
    for name in sorted(name for name, count in planned.items() if not count):
        found = f"no run of deployment `{name}` is planned, although it has a schedule"
        yield Finding(PART, found, "read the log of Prefect's server, whose scheduler plans them")


def has_schedule(deployment: Mapping[str, Any]) -> bool:
    """Whether Prefect is to plan runs of a deployment."""
    return not deployment["paused"] and any(each["active"] for each in deployment["schedules"])


def written_deployments(path: Path = DEPLOYED) -> list[dict[str, Any]]:
    """The deployments that prefect.yaml has; what it leaves out has Prefect's default."""
    written = yaml.safe_load(path.read_bytes())["deployments"]
    return [{"enforce_parameter_schema": True, **each} for each in written]


def _text(value: Any) -> str:
    return str(value).strip() if value is not None else ""
