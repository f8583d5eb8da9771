"""`ordercast pushes untold`, and who was told in `pushes show`."""

from datetime import timedelta
from typing import Annotated, Any

import typer

from ordercast.cli.showing import show_json, show_table
from ordercast.delivery.explaining_answers import explain_untold
from ordercast.store.clock import now
from ordercast.store.engine import database


def untold(
    minutes: Annotated[float, typer.Option(min=0, max=525_600, help="For longer than this.")] = 10,
    limit: Annotated[int, typer.Option(min=1, help="The most to show.")] = 100,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List outcomes that are not everywhere told for so long; exits 1 if there are any."""
    at = now()
    before = at - timedelta(minutes=minutes)
    with database().read() as session:
        found = explain_untold(session, before=before, now=at, limit=limit)
    if as_json:
        show_json(found)
    else:
        columns = ["order", "minutes", "subscriber", "state", "why"]
        show_table(f"{len(found)} not told", columns, map(_row, found))
    raise typer.Exit(bool(found))


def _row(found: dict[str, Any]) -> list[Any]:
    told, last = found["subscriber"], found.get("last_attempt")
    why = found["waits_for"] or (last["meaning"]["en"] if last else "not tried yet")
    name = told["name"] if told else "everybody"
    return [found["order_no"], found["minutes"], name, found["state"], why]


def print_matrix(found: dict[str, Any]) -> None:
    """Print who was told of which event of an order, and why somebody was not."""
    events = found["events"]
    columns = ["subscriber", *(f"{each['sequence']}. {each['type']}" for each in events)]
    rows = [
        [row["name"], *(_cell(row, str(each["sequence"])) for each in events)]
        for row in found["subscribers"]
    ]
    show_table(f"{found['order_no']} is {found['state']}", columns, rows)


def _cell(row: dict[str, Any], sequence: str) -> str:
    push = row["pushes"].get(sequence)
    return push["state"] if push else f"no: {row['not_told'][sequence]}"
