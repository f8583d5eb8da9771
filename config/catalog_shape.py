"""The shape of catalog.yaml."""

import re
import warnings
from datetime import timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from config.documents import OneOrMany, Shape, fault
from ordercast.domain.order import ItemAction

_KEY = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_TIME = re.compile(r"([1-9]\d{0,5})([smhd])")
_STEP_TIME = re.compile(r"(\d{1,6})([smhd])")
NEVER = "never"
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def _key(name: str) -> str:
    if not _KEY.fullmatch(name):
        raise fault("is not a key", "use lower-case letters, digits and hyphens: `sim-activation`")
    return name


def _service_time(written: Any) -> timedelta:
    found = _TIME.fullmatch(written) if isinstance(written, str) else None
    if found is None:
        raise fault(f"is no length of time: {written!r}", "write it like 90s, 30m, 2h or 1d")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def _step_time(written: Any) -> timedelta | None:
    if written == NEVER:
        return None
    found = _STEP_TIME.fullmatch(written) if isinstance(written, str) else None
    if found is None:
        raise fault(f"is no length of time: {written!r}", "write it like 0m, 30m, 4h, 2d or never")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def _pattern(written: str) -> str:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            re.compile(written)
    except (re.error, Warning, OverflowError, RecursionError) as error:
        problem = f"is no regular expression: {error}"
        raise fault(problem, r"mend it, in single quotes: '\d{11}'") from None
    return written


Key = Annotated[str, AfterValidator(_key)]
Text = Annotated[str, Field(min_length=1)]
Pattern = Annotated[str, AfterValidator(_pattern)]


class CharacteristicShape(Shape):
    """What a characteristic looks like, wherever it is used."""

    pattern: Pattern | None = Field(
        default=None, description="the regular expression that the whole value must match"
    )
    hint: str = Field(default="", description="the form of the value in words, for who sends it")
    sensitive: bool = Field(default=False, description="true if readers may see only ***")


Described = Annotated[CharacteristicShape, BeforeValidator(lambda written: written or {})]
"""A characteristic; one that has nothing but its name is fine."""


ServiceTime = Annotated[timedelta, BeforeValidator(_service_time)]


StepTime = Annotated[timedelta | None, BeforeValidator(_step_time)]


class EscalationShape(Shape):
    """What is done about work that is not reported by its due time, and how long after it."""

    remind: StepTime = Field(default=None, description="subscribers are told: 0m, 30m … or never")
    alert: StepTime = Field(default=None, description="operators are told: 4h, 1d … or never")
    fail: StepTime = Field(default=None, description="it is reported failed: 2d … or never")


class CommandShape(Shape):
    """What holds for the commands of one name, in place of what `from-message` says."""

    team: Text | None = Field(default=None, description="the team whose people do it")
    system: Text | None = Field(default=None, description="the system that does it")
    service_time: ServiceTime | None = Field(
        default=None, description="how long it may take: 90s, 30m, 2h or 1d"
    )
    description: str = Field(default="", description="what is done, in a few words")

    @model_validator(mode="after")
    def _done_by_one(self) -> "CommandShape":
        if self.team and self.system:
            raise fault("has both a team and a system", "keep the one that does the work")
        return self


class UndoShape(Shape):
    """A piece of work that takes back what another one has done, if its line comes to nothing."""

    team: Text | None = Field(default=None, description="the team whose people do it")
    system: Text | None = Field(default=None, description="the system that does it")
    service_time: ServiceTime = Field(description="how long it may take: 90s, 30m, 2h or 1d")
    description: str = Field(default="", description="what is done, in a few words")
    escalation: EscalationShape = Field(
        default=EscalationShape(), description="what is done when it is overdue, where not as above"
    )

    @model_validator(mode="after")
    def _done_by_one(self) -> "UndoShape":
        if self.team and self.system:
            raise fault("has both a team and a system", "keep the one that does the work")
        if not self.team and not self.system:
            raise fault("has neither a team nor a system", "say who does it: `team:` or `system:`")
        return self


class WorkOrderShape(UndoShape):
    """One piece of work; the one called `from-message` stands for those that a message names."""

    after: OneOrMany = Field(default=[], description="the work orders that come before it")
    undo: Key | None = Field(
        default=None, description="the one under `undo_work_orders:` that takes it back"
    )
    sequence: bool = Field(
        default=False, description="true if commands without dependencies follow one another"
    )
    commands: dict[Text, CommandShape] = Field(
        default={}, description="who does the commands of a name, where it is not as above"
    )


class ActionShape(Shape):
    """What one action on a product needs, and the work that it becomes."""

    required: OneOrMany = Field(default=[], description="characteristics that a line must carry")
    optional: OneOrMany = Field(default=[], description="characteristics that a line may carry")
    exclusive_by: OneOrMany = Field(
        default=[], description="characteristics whose value only one order at a time may work on"
    )
    work_orders: dict[Key, WorkOrderShape] = Field(
        default={}, description="the work orders, each with a team or system and a service_time"
    )
    undo_work_orders: dict[Key, UndoShape] = Field(
        default={}, description="what takes completed work back when the line comes to nothing"
    )


class ProductShape(Shape):
    """Something that can be ordered."""

    name: Text = Field(description="the product's name, as people say it")
    category: Text = Field(description="the kind of product, for instance mobile or iot")
    aliases: OneOrMany = Field(default=[], description="other names that orders may use")
    actions: dict[ItemAction, ActionShape] = Field(
        min_length=1, description="at least one of add, modify, delete, noChange with its needs"
    )


class CatalogShape(Shape):
    """The whole file."""

    sensitive: OneOrMany = Field(
        default=[], description="names whose values nobody but the archive may see"
    )
    characteristics: dict[Text, Described] = Field(
        default={}, description="each characteristic with its pattern and hint"
    )
    products: dict[Key, ProductShape] = Field(
        min_length=1, description="at least one product by its key, with name and actions"
    )
    escalation: EscalationShape = Field(
        default=EscalationShape(), description="what is done about overdue work, unless it says so"
    )
