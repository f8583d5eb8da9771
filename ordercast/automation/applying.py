"""Applying automations: each is made once, by its name, and updated in place afterwards."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from prefect.client.orchestration import SyncPrefectClient
from prefect.events.schemas.automations import Automation, AutomationCore
from prefect.exceptions import ObjectNotFound

from ordercast.automation.files import WrittenAutomation
from ordercast.domain.errors import ConfigurationError, Conflict

SETTING = "ORDERCAST_PREFECT__ALERT_BLOCK"
MAKE_ONE = (
    "make a notification block in the Prefect UI under Blocks (Slack Webhook, Custom Webhook, "
    "Email …), then name it here as TYPE/NAME, for instance slack-webhook/operations"
)


class Change(StrEnum):
    """What applying an automation does."""

    MAKE = "make"
    UPDATE = "update"
    NONE = "as it is"


@dataclass(frozen=True)
class Planned:
    """What is to be done for a file: the automation, and the one that stands, if there is one."""

    written: WrittenAutomation
    wanted: AutomationCore
    standing: Automation | None

    @property
    def change(self) -> Change:
        if self.standing is None:
            return Change.MAKE
        return Change.NONE if _core(self.standing) == self.wanted else Change.UPDATE


def plan(
    client: SyncPrefectClient, written: Iterable[WrittenAutomation], *, block: str
) -> list[Planned]:
    """What applying these files would do. ConfigurationError if their block is not there."""
    files = list(written)
    needed = any(each.needs_block for each in files)
    block_id = notification_block(client, block) if needed else None
    return [_plan(client, each, block_id) for each in files]


def carry_out(client: SyncPrefectClient, planned: Iterable[Planned]) -> Iterator[Planned]:
    """Do what is planned, one by one; each is given once it is done."""
    for each in planned:
        if each.change is Change.MAKE:
            client.create_automation(each.wanted)
        elif each.change is Change.UPDATE and each.standing:
            client.update_automation(each.standing.id, each.wanted)
        yield each


def notification_block(client: SyncPrefectClient, block: str) -> str:
    """The id of a block that notifies, by `TYPE/NAME`; ConfigurationError with the cure if none."""
    kind, _, name = block.partition("/")
    if not kind or not name:
        raise ConfigurationError(SETTING, "names no block" if block else "is not set", MAKE_ONE)
    try:
        document = client.read_block_document_by_name(name, kind, include_secrets=False)
    except ObjectNotFound:
        raise ConfigurationError(SETTING, f"there is no block {block}", MAKE_ONE) from None
    schema = document.block_schema
    if schema is None or "notify" not in schema.capabilities:
        raise ConfigurationError(SETTING, f"{block} is no notification block", MAKE_ONE)
    return str(document.id)


def _plan(client: SyncPrefectClient, written: WrittenAutomation, block_id: str | None) -> Planned:
    standing = client.read_automations_by_name(written.name)
    if len(standing) > 1:
        where = f"{len(standing)} automations are called {written.name!r}"
        raise Conflict(f"{where}: delete all but one in the Prefect UI, and apply again")
    wanted = written.automation(block_id)
    if standing and "enabled" not in written.says:
        wanted.enabled = standing[0].enabled  # who has paused one has a reason
    return Planned(written, wanted, standing[0] if standing else None)


def _core(standing: Automation) -> AutomationCore:
    return AutomationCore.model_validate(standing.model_dump(exclude={"id"}))
