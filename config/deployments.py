"""The deployments of prefect.yaml, and how a change of them is known."""

from hashlib import sha256
from importlib.metadata import version
from typing import Any

import yaml

from config.settings import PROJECT_DIR

DEPLOYED = PROJECT_DIR / "prefect.yaml"
FLOWS = PROJECT_DIR / "flows"


def written_deployments() -> list[dict[str, Any]]:
    """The deployments that prefect.yaml has; what it leaves out has Prefect's default."""
    written = yaml.safe_load(DEPLOYED.read_bytes())["deployments"]
    return [{"enforce_parameter_schema": True, **each} for each in written]


def fingerprint() -> str:
    """A digest of all that makes a deployment: prefect.yaml, the flows, and both versions."""
    digest = sha256(f"{version('ordercast')} {version('prefect')}".encode())
    for file in (DEPLOYED, *sorted(FLOWS.glob("*.py"))):
        digest.update(file.read_bytes())
    return digest.hexdigest()
