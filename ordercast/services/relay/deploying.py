"""Deployments: applied when they are new, and otherwise left as people have set them.

An operator pauses a deployment, turns a schedule off or changes a limit in the Prefect UI, and
that stands until prefect.yaml or the version is another. A Prefect variable says what was applied.
"""

import logging
import subprocess
import sys
from collections.abc import Sequence
from functools import cache

from prefect.client.orchestration import SyncPrefectClient
from prefect.variables import Variable

from config.deployments import fingerprint, written_deployments
from config.settings import PROJECT_DIR, child_environment

log = logging.getLogger("ordercast.relay")

APPLIED = "ordercast_deployed"
"""The variable: a fingerprint of what was applied last."""

DEPLOY_SECONDS = 120


def deploy(client: SyncPrefectClient) -> None:
    """Apply prefect.yaml if it is new to this server, else make the deployments that are gone."""
    if Variable.get(APPLIED) != fingerprint():
        _apply(["--all"])
        note_applied()
    elif missing := missing_deployments(client):
        _apply([word for name in missing for word in ("--name", name)])


def note_applied() -> None:
    """Keep on the server what was applied: if its database is new, so is prefect.yaml to it."""
    Variable.set(APPLIED, fingerprint(), overwrite=True)


def missing_deployments(client: SyncPrefectClient) -> Sequence[str]:
    """Which deployments of prefect.yaml the server does not have."""
    wanted = _names()
    is_ours = {"name": {"any_": wanted}}
    asked = {"flows": is_ours, "deployments": is_ours}
    if client.request("POST", "/deployments/count", json=asked).json() == len(wanted):
        return []
    found = client.request("POST", "/deployments/filter", json=asked).json()
    return [name for name in wanted if name not in {each["name"] for each in found}]


@cache
def _names() -> list[str]:
    """The file is read once: what is in it later is applied when a relay starts."""
    return [each["name"] for each in written_deployments()]


def _apply(which: Sequence[str]) -> None:
    """Have Prefect's own command read prefect.yaml; it updates what is there in place."""
    command = [sys.executable, "-m", "prefect", "--no-prompt", "deploy", *which]
    done = subprocess.run(  # noqa: S603 (our own interpreter and arguments)
        command,
        cwd=PROJECT_DIR,
        env=child_environment({}),
        capture_output=True,
        text=True,
        timeout=DEPLOY_SECONDS,
    )
    if done.returncode:
        log.error("prefect deploy failed:\n%s%s", done.stdout, done.stderr)
        raise subprocess.CalledProcessError(done.returncode, command)
