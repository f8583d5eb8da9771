"""The product catalogue, from the file that operators edit."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from config.catalog_checks import check
from config.catalog_shape import ActionShape, CatalogShape, ProductShape, WorkOrderShape
from config.documents import load
from config.settings import settings
from ordercast.domain.catalog import (
    ActionPolicy,
    Catalogue,
    CharacteristicSpec,
    Product,
    WorkOrderType,
)
from ordercast.domain.masking import Mask


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
        work_orders=_in_working_order(policy.work_orders),
        exclusive_by=tuple(policy.exclusive_by),
    )


def _in_working_order(written: Mapping[str, WorkOrderShape]) -> dict[str, WorkOrderType]:
    """Each after all that it waits for, otherwise as in the file; needs to be free of cycles."""
    ordered: dict[str, WorkOrderType] = {}
    while len(ordered) < len(written):
        name = next(
            name
            for name, kind in written.items()
            if name not in ordered and all(other in ordered for other in kind.after)
        )
        ordered[name] = _work_order(name, written[name])
    return ordered


def _work_order(name: str, written: WorkOrderShape) -> WorkOrderType:
    return WorkOrderType(
        name=name,
        service_time=written.service_time,
        team=written.team,
        system=written.system,
        after=tuple(dict.fromkeys(written.after)),
        description=written.description,
    )
