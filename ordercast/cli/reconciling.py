"""`ordercast reconcile`: whether platform, archive, ledger and Prefect say the same of orders."""

from datetime import datetime
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from config.settings import use_prefect_server
from ordercast.cli.prefect_away import prefect_asked
from ordercast.domain.moments import parse_moment
from ordercast.store.clock import now

NO_END = 10**9


def reconcile(
    since: Annotated[str, typer.Option(help="sealed then or later: 2026-11-22, 24h, 7d")] = "26h",
    mend: Annotated[bool, typer.Option(help="close the gaps by the steps that left them")] = False,
    platform: Annotated[
        bool, typer.Option(help="--no-platform: yours does not answer what it holds")
    ] = True,
) -> None:
    """Compare what was sealed with platform, archive, ledger and Prefect; exit 1 if they differ."""
    use_prefect_server()
    from tasks.reconcile import reconcile_sealed  # noqa: PLC0415 (Prefect takes its time to load)
    from tasks.reconcile_runs import reconcile_runs  # noqa: PLC0415

    with prefect_asked():
        found = reconcile_sealed.fn(
            since=_moment(since),
            limit=NO_END,
            seconds=NO_END,
            mend=mend,
            platform=platform,
            goes_on=False,
        )
        findings = [*found.findings, *reconcile_runs.fn(seconds=NO_END, mend=mend)]
    if findings:
        table = Table("where", "order", "version", "what is wrong", "mended")
        for each in findings:
            problem, mended = Text(each.problem, overflow="fold"), "yes" if each.mended else ""
            table.add_row(each.where, each.order_no, str(each.version or ""), problem, mended)
        Console().print(table)
    left = sum(not each.mended for each in findings)
    print(f"{found.checked} checked, {len(findings)} findings, {len(findings) - left} mended")
    raise typer.Exit(1 if left else 0)


def _moment(text: str) -> datetime:
    try:
        return parse_moment(text, at=now())
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
