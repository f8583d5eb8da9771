"""What Ordercast needs to stand on a Prefect server: work pool, workers, deployments."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from config.prefect_server import WORK_POOL
from ordercast.doctor.findings import Finding, note

PART = "Prefect"
COMPARED = ("entrypoint", "description", "enforce_parameter_schema")
START_RELAY = "start a relay, which makes it: `ordercast serve relay`"
APPLY = "if it is not meant, apply the file again: `prefect --no-prompt deploy --all`"


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
            yield Finding(PART, told, "apply the file: `prefect --no-prompt deploy --all`")
        elif found.get("paused"):
            yield Finding(PART, f"{name} is paused", "resume it in the Prefect UI")
        else:
            yield Finding(PART, f"{name} is up to date")
            yield from changed_schedules(name, found["schedules"], each.get("schedules", []))


def changed_schedules(
    name: str, known: Sequence[Mapping[str, Any]], wanted: Sequence[Mapping[str, Any]]
) -> Iterator[Finding]:
    """Which schedules of prefect.yaml somebody has turned off, changed or deleted."""
    by_slug = {each["slug"]: each for each in known}
    for each in wanted:
        schedule = f"schedule `{each['slug']}` of {name}"
        found = by_slug.get(each["slug"])
        if found is None:
            yield note(PART, f"no {schedule}", APPLY)
        elif not found["active"]:
            yield note(PART, f"the {schedule} is off", "turn it on in the Prefect UI")
        elif found["schedule"].get("cron") != each["cron"]:
            yield note(PART, f"the {schedule} is not `{each['cron']}`, as in prefect.yaml", APPLY)


def schedules(planned: Mapping[str, int]) -> Iterator[Finding]:
    """Whether runs are planned, by the name of each deployment that has a schedule."""
    for name in sorted(name for name, count in planned.items() if not count):
        found = f"no run of deployment `{name}` is planned, although it has a schedule"
        yield Finding(PART, found, "read the log of Prefect's server, whose scheduler plans them")


def has_schedule(deployment: Mapping[str, Any]) -> bool:
    """Whether Prefect is to plan runs of a deployment."""
    return not deployment["paused"] and any(each["active"] for each in deployment["schedules"])


def _text(value: Any) -> str:
    return str(value).strip() if value is not None else ""
