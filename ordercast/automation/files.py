"""Automations as files: Prefect's own YAML, one automation each, without the id of a block."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from prefect.events.schemas.automations import AutomationCore
from pydantic import ValidationError

from config.yaml_document import shown
from ordercast.domain.errors import ConfigurationError
from ordercast.intake.problems import problems_of

NOTIFY = "send-notification"
PLACEHOLDER = "00000000-0000-0000-0000-000000000000"
MEND = "mend the file: it is an automation as `prefect automation create --from-file` takes it"


@dataclass(frozen=True)
class WrittenAutomation:
    """An automation as a file has it; `says` are the fields that the file names."""

    path: Path
    says: Mapping[str, Any]

    @property
    def name(self) -> str:
        return str(self.says["name"])

    @property
    def needs_block(self) -> bool:
        """Whether an action notifies people by the block that the settings name."""
        return any(map(_is_without_block, self.says["actions"]))

    def automation(self, block_id: str | None = None) -> AutomationCore:
        """The automation; those actions that notify without a block of their own get this one."""
        actions = [
            {**action, "block_document_id": block_id or PLACEHOLDER}
            if _is_without_block(action)
            else action
            for action in self.says["actions"]
        ]
        return AutomationCore.model_validate({**self.says, "actions": actions})


def written_automations(directory: Path) -> list[WrittenAutomation]:
    """The automations in a directory by file name; ConfigurationError names file and fault."""
    if not directory.is_dir():
        raise ConfigurationError(
            "ORDERCAST_AUTOMATIONS", f"{shown(directory)} is no directory", "name one with *.yaml"
        )
    found = [_read(path) for path in sorted(directory.glob("*.yaml"))]
    first: dict[str, Path] = {}
    for each in found:
        other = first.setdefault(each.name, each.path)
        if other != each.path:
            problem = f"has the name of the one in {shown(other)}"
            raise ConfigurationError(shown(each.path), problem, "give each a name of its own")
    return found


def _read(path: Path) -> WrittenAutomation:
    try:
        says = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as fault:
        raise ConfigurationError(shown(path), f"is no YAML: {fault}", MEND) from None
    if not isinstance(says, dict) or not isinstance(says.get("actions"), list):
        raise ConfigurationError(shown(path), "has no name, trigger and actions", MEND)
    written = WrittenAutomation(path, says)
    try:
        written.automation()
    except ValidationError as error:
        problem = "; ".join(f"{each.field}: {each.problem}" for each in problems_of(error))
        raise ConfigurationError(shown(path), problem, MEND) from None
    return written


def _is_without_block(action: Any) -> bool:
    is_notice = isinstance(action, dict) and action.get("type") == NOTIFY
    return is_notice and "block_document_id" not in action
