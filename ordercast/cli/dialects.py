"""`ordercast dialect`: the dialects of partners, and what becomes of a message in one."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from config.dialects import OWN_FORMS, Dialect, dialects
from config.yaml_document import shown
from ordercast.cli.faults import tell
from ordercast.cli.sending import ANY, media_type_of, read
from ordercast.cli.showing import show_json, show_table
from ordercast.domain.errors import InvalidMessage
from ordercast.domain.message_work import WorkOrderType
from ordercast.intake.trial import Trial, TriedLine, TriedOrder, try_out
from ordercast.store.inbox import RawMessage

app = typer.Typer(help="Partners' dialects: list, try a message.", no_args_is_help=True)

MOST_LINES = 20
"""Lines that are shown with their work orders; of more only the faulty ones are."""


@app.command("list")
def list_dialects() -> None:
    """List the dialects, with whose messages are taken for which."""
    rows = [
        (each.name, each.format, _when(each), each.written.description, shown(each.path))
        for each in dialects().values()
    ]
    show_table(f"{len(rows)} dialects", ["dialect", "format", "when", "what", "file"], rows)


def _when(dialect: Dialect) -> str:
    when = dialect.written.when
    ways = {"agent": when.agents, "queue": when.queues, "content": when.content}
    told = [f"{way} {', '.join(given)}" for way, given in ways.items() if given]
    return "; ".join(told) or "asked for by name"


@app.command("try")
def try_message(
    file: Annotated[Path, typer.Argument(help="a partner's message; - for stdin")],
    dialect: Annotated[str | None, typer.Option(help="the dialect; else it is found")] = None,
    agent: Annotated[str | None, typer.Option(help="as if this agent sent it")] = None,
    queue: Annotated[str | None, typer.Option(help="as if it came by this queue")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="for programs")] = False,
) -> None:
    """Show what would become of a message; exit 1 if it, or a line of it, would be refused."""
    media_type = media_type_of(file, default=ANY)
    message = RawMessage(read(file), media_type, "cli", agent=agent, queue=queue, dialect=dialect)
    trial = try_out(message)
    if as_json:
        show_json(_document(trial))
    else:
        _show(trial)
    raise typer.Exit(0 if trial.is_taken_whole else 1)


def _show(trial: Trial) -> None:
    chosen = trial.choice.dialect.name if trial.choice.dialect else f"{OWN_FORMS} (our own forms)"
    typer.echo(f"Dialect: {chosen}, for {trial.choice.because}.")
    for number, order in enumerate(trial.orders, start=1):
        _show_order(number, order)
    for path in trial.unfound:
        typer.echo(f"Nothing here is at the sensitive path {path}: make sure that it is right.")
    if trial.problems:
        typer.echo("Refused:" if not trial.orders else "Refused; of this nothing is taken:")
        tell(InvalidMessage(trial.problems))


def _show_order(number: int, order: TriedOrder) -> None:
    facts = [(name, _told(value)) for name, value in order.attributes.items()]
    show_table(f"Order {number}: {len(order.lines)} lines", ["", ""], facts)
    shown_lines = [
        line for place, line in enumerate(order.lines) if place < MOST_LINES or line.problems
    ]
    rows = [
        (line.item.id, line.product, line.item.action, _told(line.characteristics), _against(line))
        for line in shown_lines
    ]
    title = f"{len(rows)} of {len(order.lines)} lines"
    show_table(title, ["line", "product", "action", "characteristics", "catalogue"], rows)
    for line in shown_lines[:MOST_LINES]:
        if line.work_orders:
            _show_work(line)


def _show_work(line: TriedLine) -> None:
    columns = ["", "work order", "who", "after", "within", "parameters"]
    rows = [(place, *_cells(kind)) for place, kind in enumerate(line.work_orders, start=1)]
    show_table(f"Line {line.item.id} becomes {len(rows)} work orders", columns, rows)
    if line.ignored:
        cure = "have its action take work orders `from-message`"
        typer.echo(
            f"The catalogue has the work orders of {line.product}; the {line.ignored} that the "
            f"message names are not used ({cure})."
        )


def _cells(kind: WorkOrderType) -> Iterator[str]:
    yield kind.name
    yield kind.team or kind.system or ""
    yield ", ".join(kind.after)
    yield str(kind.service_time)
    yield _told(kind.parameters)


def _against(line: TriedLine) -> str:
    return "\n".join(map(str, line.problems)) or "takes it"


def _told(value: Any) -> str:
    """A value in a line; a mapping as `name=value`."""
    if isinstance(value, dict):
        return ", ".join(f"{name}={_told(each)}" for name, each in value.items())
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _document(trial: Trial) -> dict[str, Any]:
    return {
        "dialect": trial.choice.dialect.name if trial.choice.dialect else OWN_FORMS,
        "because": trial.choice.because,
        "taken": trial.is_taken_whole,
        "problems": [each.as_dict() for each in trial.problems],
        "unfound": list(trial.unfound),
        "orders": [
            {**order.attributes, "lines": [_line_document(line) for line in order.lines]}
            for order in trial.orders
        ],
    }


def _line_document(line: TriedLine) -> dict[str, Any]:
    return {
        "id": line.item.id,
        "product": line.product,
        "action": line.item.action,
        "characteristics": line.characteristics,
        "refused": [each.as_dict() for each in line.problems],
        "work_orders": [
            {
                "name": kind.name,
                "team": kind.team,
                "system": kind.system,
                "after": list(kind.after),
                "parameters": kind.parameters,
            }
            for kind in line.work_orders
        ],
    }
