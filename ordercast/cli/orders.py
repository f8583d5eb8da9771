"""`ordercast orders`: finding orders, and asking something of them."""

import getpass
from typing import Annotated, Any

import typer

from ordercast.cli.showing import show_json, show_table
from ordercast.intake.indexing import index_orders
from ordercast.store import accepting, commands, orders, work_orders
from ordercast.store.commands import CommandKind
from ordercast.store.engine import database
from ordercast.store.orders import OrderFilter
from ordercast.store.overview import overview
from ordercast.store.runs import run_of

app = typer.Typer(help="Orders: list, show, cancel, reopen, retry.", no_args_is_help=True)

OrderNo = Annotated[str, typer.Argument(help="the order number")]
Reason = Annotated[str, typer.Option(help="why; it is kept")]
SHOWN = 50


@app.command("list")
def list_orders(
    state: Annotated[str | None, typer.Option(help="for instance inProgress")] = None,
    agent: Annotated[str | None, typer.Option(help="whose orders")] = None,
    tag: Annotated[str | None, typer.Option(help="the primary tag")] = None,
    product: Annotated[str | None, typer.Option(help="key of a product")] = None,
    limit: Annotated[int, typer.Option(help="rows to show")] = SHOWN,
    as_json: Annotated[bool, typer.Option("--json", help="for programs")] = False,
) -> None:
    """List orders, the newest first."""
    wanted = OrderFilter(state=state, agent=agent, primary_tag=tag, product=product)
    with database().read() as session:
        total, page = orders.count_and_page(session, wanted, offset=0, limit=limit)
        runs = {row.order_no: run_of(session, row.order_no, row.version) for row in page}
    if as_json:
        return show_json([row.model_dump(mode="json") for row in page])
    rows = [
        (row.order_no, row.state, row.title, row.agent, row.ordered_at, _waits(runs[row.order_no]))
        for row in page
    ]
    columns = ["order", "state", "what", "agent", "ordered (UTC)", "waits for"]
    return show_table(f"{len(page)} of {total} orders", columns, rows)


def _waits(run: Any) -> str | None:
    return run.waiting_reason if run.waiting_for and not run.ended_at else None


@app.command()
def show(order_no: OrderNo) -> None:
    """Show an order with its work orders."""
    with database().read() as session:
        found = overview(session, order_no, limit=SHOWN)
        work = work_orders.of_order(session, order_no)
    order, run = found["order"], found["run"]
    facts = [
        ("state", f"{order.state}, version {order.version}, stage {run.stage}"),
        ("what", order.title),
        ("agent", f"{order.agent} {order.external_id or ''}"),
        ("waits for", _waits(run)),
        ("lines", ", ".join(f"{n} {state}" for state, n in found["line_counts"].items())),
        ("archived", found["archived"] and f"{found['archived'].bucket}/{found['archived'].key}"),
    ]
    show_table(order_no, ["", ""], facts)
    rows = [
        (row.id, row.name, row.team or row.system, row.state, row.due_at, row.code, row.text)
        for row in work[:SHOWN]
    ]
    columns = ["work order", "what", "who", "state", "due (UTC)", "code", "text"]
    show_table(f"{len(rows)} of {len(work)} work orders", columns, rows)


@app.command()
def cancel(order_no: OrderNo, reason: Reason) -> None:
    """Cancel what is open of an order."""
    _ask(order_no, CommandKind.CANCEL, reason)


@app.command()
def retry(order_no: OrderNo, reason: Reason = "retried by hand") -> None:
    """Try a parked or technically failed order again now."""
    _ask(order_no, CommandKind.RETRY, reason)


@app.command()
def reopen(
    order_no: OrderNo,
    reason: Reason = "reopened by hand",
    work_order: Annotated[
        list[str] | None, typer.Option(help="a failed work order; all of them if none is named")
    ] = None,
) -> None:
    """Reopen failed work orders: the order gets its next version."""
    _ask(order_no, CommandKind.REOPEN, reason, work_orders=work_order or [])


@app.command("accept")
def accept(
    work_order: Annotated[str, typer.Argument(help="the work order's id")],
    report: Annotated[str, typer.Argument(help="the id of the report that contradicts")],
    reason: Reason,
) -> None:
    """Let a report that contradicts the standing one take its place."""
    with database().read() as session:
        order_no = accepting.acceptable(session, work_order, report).order_no
    _ask(order_no or "", CommandKind.ACCEPT, reason, work_order=work_order, report=report)


def _ask(order_no: str, kind: CommandKind, reason: str, **details: Any) -> None:
    with database().write() as session:
        asked = commands.ask(
            session, order_no, kind, reason=reason, asked_by=getpass.getuser(), details=details
        )
    typer.echo(f"{asked.id}: {kind} {order_no} is asked; `ordercast orders commands {order_no}`")


@app.command("index")
def index() -> None:
    """Have older orders found by number and card: once after an upgrade."""
    done = 0
    for done in index_orders(database()):
        typer.echo(f"{done} orders")
    typer.echo(f"all {done} orders can be found")


@app.command("commands")
def list_commands(order_no: OrderNo) -> None:
    """Show what was asked of an order, by whom and why, and what came of it."""
    with database().read() as session:
        found = commands.of_order(session, order_no)
    rows = [
        (row.asked_at, row.kind, row.asked_by, row.reason, row.state, row.answer) for row in found
    ]
    columns = ["asked (UTC)", "what", "by", "why", "state", "answer"]
    show_table(f"Commands on {order_no}", columns, rows)
