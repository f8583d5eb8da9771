"""Building: the parts of a message as orders in Ordercast's own form, TMF641."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from ordercast.contracts.service_order import ServiceOrderCreate
from ordercast.domain.errors import InvalidMessage, Problem
from ordercast.domain.masking import SENSITIVE
from ordercast.intake.canonical import canonical_json
from ordercast.intake.dialects.parts import Part
from ordercast.intake.drafts import Draft
from ordercast.intake.json_orders import JSON, load_json
from ordercast.intake.problems import validate

IN_TMF641 = {
    "external_id": "externalId",
    "category": "category",
    "description": "description",
    "priority": "priority",
    "requested_start": "requestedStartDate",
    "requested_completion": "requestedCompletionDate",
}


def draft_of(order: Part) -> tuple[Draft | None, list[Problem]]:
    """The order of the good lines, if it is one, and everything that is wrong."""
    problems = order.all_problems()
    lines = [line for line in order.parts if line.is_good]
    if order.problems or not lines:
        return None, problems
    document = _document(order, lines)
    try:
        load_json(json.dumps(document, ensure_ascii=False))  # so will it be read again
        read = validate(ServiceOrderCreate, document)
    except InvalidMessage as refused:
        return None, problems + [_placed(order, each) for each in refused.problems]
    return Draft(canonical_json(document), JSON, document, read), problems


def _placed(order: Part, problem: Problem) -> Problem:
    """A fault that only the finished order shows, at the place where the order stands."""
    where, line = order.scope.document.place(order.scope.node, ".")
    return Problem(where, f"{problem.field}: {problem.problem}", problem.cure, line)


def _document(order: Part, lines: Sequence[Part]) -> dict[str, Any]:
    document = {
        theirs: order.values[name] for name, theirs in IN_TMF641.items() if name in order.values
    }
    if notes := order.values.get("note"):
        document["note"] = [{"text": text} for text in notes]
    if parties := list(_parties(order)):
        document["relatedParty"] = parties
    return {**document, "serviceOrderItem": [_item(line) for line in lines]}


def _parties(order: Part) -> Iterator[dict[str, str]]:
    for role in ("agent", "channel"):
        if role in order.values:
            yield {"id": order.values[role], "role": role}
    yield from ({"id": party, "role": role} for role, party in order.parties.items())


def _item(line: Part) -> dict[str, Any]:
    service: dict[str, Any] = {"serviceSpecification": {"id": line.values["product"]}}
    if line.named:
        service["serviceCharacteristic"] = _characteristics(line)
    if line.parts:
        service["supportingService"] = [_supporting(command) for command in line.parts]
    return {"id": line.values["id"], "action": line.values["action"], "service": service}


def _characteristics(part: Part) -> list[dict[str, Any]]:
    marked = {True: {"@type": SENSITIVE}, False: {}}
    return [
        {"name": name, "value": value, **marked[name in part.secret]}
        for name, value in part.named.items()
    ]


def _supporting(command: Part) -> dict[str, Any]:
    """A command as TMF641 has it: a service that the line's service is made of."""
    values = command.values
    written: dict[str, Any] = {"id": values["id"], "name": values["name"]}
    roles = [role for role in ("system", "team") if role in values]
    if roles:
        written["relatedParty"] = [{"id": values[role], "role": role} for role in roles]
    if command.named:
        written["serviceCharacteristic"] = _characteristics(command)
    if "after" in values:
        written["serviceRelationship"] = [
            {"relationshipType": "dependsOn", "service": {"id": other}} for other in values["after"]
        ]
    return written
