"""The product catalogue, from the file that operators edit."""

from dataclasses import replace
from functools import cache
from pathlib import Path

from config.catalog_checks import check
from config.catalog_shape import (
    ActionShape,
    CatalogShape,
    EscalationShape,
    ProductShape,
    UndoShape,
    WorkOrderShape,
)
from config.documents import load
from config.settings import settings
from ordercast.domain.catalog import (
    ActionPolicy,
    Catalogue,
    CharacteristicSpec,
    Product,
)
from ordercast.domain.commands import FROM_MESSAGE
from ordercast.domain.escalation import DEFAULT, Escalation
from ordercast.domain.masking import Mask
from ordercast.domain.message_work import MessageWork, WorkOrderType, in_working_order


@cache
def catalogue() -> Catalogue:
    """The catalogue that `ORDERCAST_CATALOG` names, read once."""
    return load_catalog(settings().catalog)


def load_catalog(path: Path) -> Catalogue:
    """The catalogue in a file.

    Raises ConfigurationError, which tells every fault with its line and cure.
    """
    written = load(path, CatalogShape, checks=check)
    marked = [name for name, each in written.characteristics.items() if each.sensitive]
    sensitive = frozenset([*written.sensitive, *marked])
    known = Mask(sensitive)
    products = {
        key: _product(key, product, written, known) for key, product in written.products.items()
    }
    return Catalogue(products=products, sensitive=sensitive)


def _product(key: str, product: ProductShape, written: CatalogShape, mask: Mask) -> Product:
    return Product(
        key=key,
        name=product.name,
        category=product.category,
        aliases=tuple(product.aliases),
        actions={
            action: _policy(policy, written, mask) for action, policy in product.actions.items()
        },
    )


def _policy(policy: ActionShape, written: CatalogShape, mask: Mask) -> ActionPolicy:
    required = dict.fromkeys(policy.required, True)
    optional = dict.fromkeys(policy.optional, False)
    usual = _escalation(written.escalation, DEFAULT)
    return ActionPolicy(
        characteristics={
            name: CharacteristicSpec(
                name=name,
                required=is_required,
                sensitive=mask.covers(name),
                pattern=written.characteristics[name].pattern,
                hint=written.characteristics[name].hint,
            )
            for name, is_required in (required | optional).items()
        },
        work_orders=in_working_order(
            {name: _work_order(name, kind, usual) for name, kind in policy.work_orders.items()}
        ),
        undo_work={
            name: _undo(name, kind, usual) for name, kind in policy.undo_work_orders.items()
        },
        exclusive_by=tuple(policy.exclusive_by),
        message_work=_message_work(policy.work_orders.get(FROM_MESSAGE), usual),
    )


def _message_work(written: WorkOrderShape | None, usual: Escalation) -> MessageWork | None:
    """How commands become work orders; who does a kind of them, and how long, where it is said."""
    if written is None:
        return None
    escalation = _escalation(written.escalation, usual)
    kinds = {
        name.casefold(): WorkOrderType(
            name=name,
            service_time=kind.service_time or written.service_time,
            team=kind.team if kind.team or kind.system else written.team,
            system=kind.system if kind.team or kind.system else written.system,
            description=kind.description,
            escalation=escalation,
        )
        for name, kind in written.commands.items()
    }
    return MessageWork(sequence=written.sequence, kinds=kinds)


def _work_order(name: str, written: WorkOrderShape, usual: Escalation) -> WorkOrderType:
    after = tuple(dict.fromkeys(written.after))
    return replace(_undo(name, written, usual), after=after, undo=written.undo)


def _undo(name: str, written: UndoShape, usual: Escalation) -> WorkOrderType:
    return WorkOrderType(
        name=name,
        service_time=written.service_time,
        team=written.team,
        system=written.system,
        description=written.description,
        escalation=_escalation(written.escalation, usual),
    )


def _escalation(written: EscalationShape, usual: Escalation) -> Escalation:
    """What is said here; for the rest what is usual."""
    return replace(usual, **{name: getattr(written, name) for name in written.model_fields_set})
