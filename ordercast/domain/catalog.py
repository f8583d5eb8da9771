"""The catalogue: what each product and action needs, and the work orders it becomes."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cached_property
from typing import Any

from ordercast.domain.commands import Command, faults_of
from ordercast.domain.errors import Problem
from ordercast.domain.masking import MASKED, Mask
from ordercast.domain.message_work import MessageWork, WorkOrderType, with_commands
from ordercast.domain.order import ItemAction


@dataclass(frozen=True)
class CharacteristicSpec:
    """A characteristic that a line may carry; `pattern` must match the whole value."""

    name: str
    required: bool = True
    sensitive: bool = False
    pattern: str | None = None
    hint: str = ""

    def problem_with(self, value: Any) -> Problem | None:
        """What is wrong with the value, never quoting it: it may be a secret."""
        if value is None or value == "":
            return self._problem("is missing", "give it") if self.required else None
        if self.pattern and not re.fullmatch(self.pattern, str(value)):
            return self._problem("does not have the right form", f"it must match {self.pattern}")
        return None

    def _problem(self, problem: str, cure: str) -> Problem:
        return Problem(self.name, problem, f"{cure} ({self.hint})" if self.hint else cure)


@dataclass(frozen=True)
class ActionPolicy:
    """What one action on one product needs, and the work orders that carry it out.

    `work_orders` is in an order in which each comes after all it depends on. `exclusive_by`
    names characteristics whose value only one order at a time may work on. With
    `message_work`, one of the work orders, `from-message`, stands for a line's commands.
    `undo_work` has the work that takes others back, by its name.
    """

    characteristics: Mapping[str, CharacteristicSpec] = field(default_factory=dict)
    work_orders: Mapping[str, WorkOrderType] = field(default_factory=dict)
    exclusive_by: tuple[str, ...] = ()
    message_work: MessageWork | None = None
    undo_work: Mapping[str, WorkOrderType] = field(default_factory=dict)

    def kind(self, name: str) -> WorkOrderType | None:
        """The work order of that name, be it one that takes another back."""
        return self.work_orders.get(name) or self.undo_work.get(name)

    def for_line(self, commands: Sequence[Command]) -> "ActionPolicy":
        """The policy of a line that carries these commands, which must be free of faults."""
        if self.message_work is None:
            return self
        expanded = with_commands(self.work_orders, commands, self.message_work)
        return replace(self, work_orders=expanded, message_work=None)

    @cached_property
    def due_after(self) -> Mapping[str, timedelta]:
        """The time from generation until each work order is due: its longest path."""
        due: dict[str, timedelta] = {}
        for name, kind in self.work_orders.items():
            ready_after = max((due[other] for other in kind.after), default=timedelta())
            due[name] = ready_after + kind.service_time
        return due

    @cached_property
    def depends_on(self) -> Mapping[str, tuple[str, ...]]:
        return {name: kind.after for name, kind in self.work_orders.items()}

    def resources(self, characteristics: Mapping[str, Any]) -> set[str]:
        """What one order at a time may work on, as `msisdn:8613…`, from a line's values."""
        return {
            f"{name}:{_number(value)}"
            for name in self.exclusive_by
            if (value := characteristics.get(name)) and value != MASKED
        }


def _number(value: Any) -> str:
    """A number however it is written: `+8613…` is `8613…`, and `…F` is `…f`."""
    return str(value).strip().removeprefix("+").casefold()


@dataclass(frozen=True)
class Product:
    """Something that can be ordered; `key` is its TMF641 service specification id."""

    key: str
    name: str
    category: str
    actions: Mapping[ItemAction, ActionPolicy]
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True)
class Catalogue:
    """All products by key, and the names of characteristics that are sensitive anywhere."""

    products: Mapping[str, Product]
    sensitive: frozenset[str] = frozenset()

    @cached_property
    def _by_name(self) -> Mapping[str, Product]:
        named = {
            name.casefold(): product
            for product in self.products.values()
            for name in (product.name, *product.aliases)
        }
        return named | {key.casefold(): product for key, product in self.products.items()}

    def product(self, name: str | None) -> Product | None:
        """The product with that key, name or alias, whatever its case."""
        return self._by_name.get(name.casefold()) if name else None

    @cached_property
    def mask(self) -> Mask:
        """Hides every characteristic that any product, or the catalogue itself, marks."""
        marked = {
            spec.name
            for product in self.products.values()
            for policy in product.actions.values()
            for spec in policy.characteristics.values()
            if spec.sensitive
        }
        return Mask(self.sensitive | marked)

    def policy(self, product: str | None, action: ItemAction) -> ActionPolicy | None:
        """The policy of an action, an empty one for `noChange`; None if it is not offered."""
        found = self.product(product)
        if found is None:
            return None
        if action is ItemAction.NO_CHANGE:
            return found.actions.get(action, ActionPolicy())
        return found.actions.get(action)

    def problems_with(
        self,
        product: str | None,
        action: ItemAction,
        characteristics: Mapping[str, Any],
        commands: Sequence[Command] = (),
    ) -> list[Problem]:
        """Why the catalogue refuses a line; empty if it takes it."""
        found = self.product(product)
        if found is None:
            return [self._unknown_product(product)]
        policy = self.policy(product, action)
        if policy is None:
            offered = ", ".join(found.actions)
            return [Problem("action", f"{found.key} offers no {action}", f"use one of: {offered}")]
        checks = (
            spec.problem_with(characteristics.get(name))
            for name, spec in policy.characteristics.items()
        )
        found_wrong = [problem for problem in checks if problem]
        return found_wrong + (_faulty(commands) if policy.message_work else [])

    def _unknown_product(self, product: str | None) -> Problem:
        where = "service.serviceSpecification.id"
        if not product:
            return Problem(where, "names no product", "give the key of a product of the catalogue")
        offered = ", ".join(self.products)
        return Problem(where, f"no product {product!r} in the catalogue", f"use one of: {offered}")


def _faulty(commands: Sequence[Command]) -> list[Problem]:
    problems: list[Problem] = []
    for fault in faults_of(commands):
        where = "service.supportingService" + ("" if fault.place is None else f"[{fault.place}]")
        attribute = _IN_TMF641.get(fault.attribute, "")
        problems.append(Problem(where + attribute, fault.problem, fault.cure))
    return problems


_IN_TMF641 = {"name": ".name", "after": ".serviceRelationship"}
