"""What must hold in catalog.yaml beyond its shape: names that meet, and work that can start."""

from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter

from config.catalog_shape import ActionShape, CatalogShape, WorkOrderShape
from config.documents import one_of
from config.yaml_document import Fault, Location
from ordercast.domain.commands import FROM_MESSAGE
from ordercast.domain.masking import Mask
from ordercast.domain.order import ItemAction


def check(catalog: CatalogShape) -> Iterator[Fault]:
    """Every fault in the meaning of the catalogue."""
    yield from _names_taken_twice(catalog)
    for key, product in catalog.products.items():
        for action, policy in product.actions.items():
            at: Location = ("products", key, "actions", action.value)
            yield from _characteristics(at, policy, catalog)
            yield from _work_orders(at, action, policy)
            yield from _undo_work_orders(at, policy)


def _names_taken_twice(catalog: CatalogShape) -> Iterator[Fault]:
    owners = {key.casefold(): key for key in catalog.products}
    for key, product in catalog.products.items():
        names: list[tuple[str, Location]] = [(product.name, ("name",))]
        names += [(alias, ("aliases", place)) for place, alias in enumerate(product.aliases)]
        for name, place in names:
            owner = owners.setdefault(name.casefold(), key)
            if owner != key:
                problem = f"{name!r} already means {owner}"
                yield Fault(("products", key, *place), problem, "give each product its own names")


def _characteristics(at: Location, policy: ActionShape, catalog: CatalogShape) -> Iterator[Fault]:
    used = {"required": policy.required, "optional": policy.optional}
    for field, names in used.items():
        for place, name in enumerate(names):
            if name not in catalog.characteristics:
                cure = f"{one_of(catalog.characteristics, name)}; or add it there"
                yield Fault((*at, field, place), f"`{name}` is not under `characteristics:`", cure)
    for place, name in enumerate(policy.optional):
        if name in policy.required:
            problem = f"`{name}` is both required and optional"
            yield Fault((*at, "optional", place), problem, "keep one of the two")
    for place, name in enumerate(policy.exclusive_by):
        if name not in (*policy.required, *policy.optional):
            cure = "add it to `required:` or `optional:` of this action, or take it out here"
            problem = f"`{name}` is not a characteristic of this action"
            yield Fault((*at, "exclusive_by", place), problem, cure)
        if _is_sensitive(name, catalog):
            problem = f"`{name}` is sensitive: it is stored as `***`, the same for every order"
            yield Fault((*at, "exclusive_by", place), problem, "name one that is not sensitive")


def _is_sensitive(name: str, catalog: CatalogShape) -> bool:
    spec = catalog.characteristics.get(name)
    return Mask(catalog.sensitive).covers(name) or bool(spec and spec.sensitive)


def _work_orders(at: Location, action: ItemAction, policy: ActionShape) -> Iterator[Fault]:
    if not policy.work_orders and action is not ItemAction.NO_CHANGE:
        yield Fault(at, f"`{action}` has no work orders", "add `work_orders:` with at least one")
    for name, work_order in policy.work_orders.items():
        if name != FROM_MESSAGE and (work_order.sequence or work_order.commands):
            key = "sequence" if work_order.sequence else "commands"
            problem = f"`{key}` is for the commands of a message, and `{name}` is none"
            yield Fault((*at, "work_orders", name, key), problem, f"move it to `{FROM_MESSAGE}`")
        others = [other for other in policy.work_orders if other != name]
        for place, awaited in enumerate(work_order.after):
            if awaited not in policy.work_orders:
                where: Location = (*at, "work_orders", name, "after", place)
                problem = f"there is no work order `{awaited}` in this action"
                yield Fault(where, problem, one_of(others, awaited))
    cycle = _cycle(policy.work_orders)
    if cycle:
        where = (*at, "work_orders", cycle[0], "after")
        told = " waits for ".join(f"`{name}`" for name in [*cycle, cycle[0]])
        yield Fault(where, f"no work can start: {told}", "take one of these out of `after:`")


def _undo_work_orders(at: Location, policy: ActionShape) -> Iterator[Fault]:
    """Each takes one work order back, under a name that no other work of the line has."""
    taken: dict[str, str] = {}
    for name, kind in policy.work_orders.items():
        if kind.undo is None:
            continue
        where: Location = (*at, "work_orders", name, "undo")
        if name == FROM_MESSAGE:
            yield Fault(where, "commands of a message cannot be undone", "take `undo:` out")
        elif kind.undo not in policy.undo_work_orders:
            problem = f"`{kind.undo}` is not under `undo_work_orders:` of this action"
            yield Fault(where, problem, "add it there")
        elif taken.setdefault(kind.undo, name) != name:
            problem = f"`{kind.undo}` takes `{taken[kind.undo]}` back already"
            yield Fault(where, problem, "give each work order its own")
    for name in policy.undo_work_orders:
        where = (*at, "undo_work_orders", name)
        if name in policy.work_orders:
            yield Fault(where, f"`{name}` is a work order too", "give it another name")
        elif name not in taken:
            yield Fault(where, f"no work order says `undo: {name}`", "add it, or take this one out")


def _cycle(work_orders: Mapping[str, WorkOrderShape]) -> list[str]:
    """Work orders of which each waits for the next and the last for the first, if any do."""
    sorter = TopologicalSorter({name: kind.after for name, kind in work_orders.items()})
    try:
        sorter.prepare()
    except CycleError as error:
        circle: list[str] = list(reversed(error.args[1]))[1:]
        first = min(range(len(circle)), key=lambda place: list(work_orders).index(circle[place]))
        return circle[first:] + circle[:first]
    return []
