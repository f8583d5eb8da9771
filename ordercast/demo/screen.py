"""The screen: bars while the demo runs, then a table of what came of every order."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from ordercast.demo.checks import Check
from ordercast.demo.findings import Findings
from ordercast.demo.home import log_file, tail
from ordercast.demo.performance import Count, Performance
from ordercast.demo.stack import Stack
from ordercast.store.api_keys import FIRST_KEY_FILE

WIDTH_WITHOUT_TERMINAL = 100
WIDTH_FOR_WHOLE_KEYS = 150
ORDER_NO_WIDTH, STATE_WIDTH, TOLD_WIDTH = 19, 10, 9
BUCKET_PREFIX = "ordercast-"
SUFFIX = ".json.gz"
COLOURS = {"completed": "green", "partial": "yellow", "cancelled": "bright_black"}


class Screen:
    """Where the demo shows itself; without a terminal it is 100 columns wide."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(highlight=False)
        if not self.console.is_terminal:
            self.console.width = WIDTH_WITHOUT_TERMINAL

    @contextmanager
    def bars(self) -> Iterator["Bars"]:
        """Live bars, one for each count; without a terminal they are printed at the end."""
        columns = (
            TextColumn("{task.description}"),
            BarColumn(bar_width=None, complete_style="cyan", finished_style="green"),
            TextColumn("{task.completed:,.0f}/{task.fields[goal]}", justify="right"),
            TimeElapsedColumn(),
        )
        with Progress(*columns, console=self.console, expand=True) as progress:
            yield Bars(progress)

    def opening(self, home: Path, orders: int) -> None:
        """What is about to happen."""
        self.console.print(Text("Ordercast demo 订单广播演示", style="bold"))
        self.console.print(
            f"{orders} sample orders pass through real services on free ports: Prefect, gateway, "
            "relay,\nworker, business platform. Four receivers check the signature of every push."
        )
        self.console.print(f"Home: {home}\n", style="dim", soft_wrap=True)

    def results(self, done: Performance, seen: Findings) -> None:
        """The table: order, state, archive object, deliveries."""
        self.console.print()
        self.console.print(results_table(done, seen, width=self.console.width))
        self.console.print()

    def checks(self, compared: Sequence[Check]) -> None:
        """Each check with its sign, and below it what does not hold."""
        for check in compared:
            sign, style = ("✗", "bold red") if check.faults else ("✓", "green")
            self.console.print(Text.assemble((f" {sign} ", style), check.fact))
            for fault in check.faults:
                self.console.print(Text(f"     {fault}", style="red"))
        self.console.print()

    def times(self, done: Performance, *, up_seconds: float, whole_seconds: float) -> None:
        """How long it took, and how fast that was."""
        orders, seconds = len(done.orders), done.seconds
        self.console.print(
            f"{orders} orders with {done.work_to_report:,} reported work orders "
            f"in {seconds:.1f} s: {orders / seconds:.2f} orders/s, "
            f"{done.work_to_report / seconds:,.0f} work orders/s"
        )
        self.console.print(
            f"Start-up {up_seconds:.1f} s, all together {whole_seconds:.1f} s\n", style="dim"
        )

    def addresses(self, stack: Stack, *, kept: bool) -> None:
        """Where everything is, or was."""
        table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
        table.add_row("Prefect UI", stack.prefect_url)
        table.add_row("API docs", f"{stack.gateway_url}/docs")
        table.add_row("Business platform", f"{stack.platform_url}/docs")
        table.add_row("API key", Text(str(stack.home / FIRST_KEY_FILE), overflow="fold"))
        table.add_row("Home, logs", Text(str(stack.home), overflow="fold"))
        table.add_row("Look closer", f"ORDERCAST_HOME={stack.home} ordercast orders list")
        self.console.print(table)
        if kept:
            self.console.print("\nThe stack runs until Ctrl-C.", style="bold")
        else:
            hint = "The stack is stopped now; `ordercast demo --keep` leaves it running."
            self.console.print(f"\n{hint}", style="dim")

    def failure(self, reason: str, *, home: Path, logs: Sequence[str]) -> None:
        """Why the demo failed, and the end of the logs that tell more."""
        self.console.print(Text(f"\nThe demo failed: {reason}", style="bold red"))
        for name in logs:
            log = log_file(home, name)
            if lines := tail(log):
                self.console.print(Text(f"\n… {log}", style="bold"), soft_wrap=True)
                self.console.print(Text("\n".join(lines), style="dim"), soft_wrap=True)

    def stopping(self) -> None:
        """The stack is about to be stopped, which takes some seconds."""
        self.console.print("Stopping the stack …", style="dim")


class Bars:
    """One bar for each count, in their order."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks: dict[Count, TaskID] = {
            count: progress.add_task(count.value, total=1, start=False, goal="…") for count in Count
        }

    def __call__(self, count: Count, done: int, total: int) -> None:
        task = self._tasks[count]
        if not self._progress.tasks[task].started:
            self._progress.start_task(task)
        self._progress.update(task, completed=done, total=total, goal=f"{total:,}")


def results_table(done: Performance, seen: Findings, *, width: int) -> Table:
    """One row an order; the archive's keys in full only where there is room for them."""
    whole = width >= WIDTH_FOR_WHOLE_KEYS
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("order 订单", no_wrap=True, min_width=ORDER_NO_WIDTH)
    table.add_column("what 内容", no_wrap=True)
    table.add_column("state 状态", no_wrap=True, min_width=STATE_WIDTH)
    table.add_column("archive object 归档", overflow="fold")
    table.add_column("told 广播", no_wrap=True, justify="right", min_width=TOLD_WIDTH)
    for order_no, wanted in done.orders.items():
        state = seen.orders[order_no]["state"]
        table.add_row(
            order_no,
            Text(wanted.sample.what),
            Text(state, style=COLOURS.get(state, "red")),
            Text(archive_object(seen.objects.get(order_no), whole=whole)),
            told(order_no, done, seen),
        )
    if not whole:
        table.caption = f"archive objects: {BUCKET_PREFIX}TAG/YYYY/MM/DD/ORDER/VERSION{SUFFIX}"
        table.caption_justify = "left"
    return table


def archive_object(entry: Mapping[str, Any] | None, *, whole: bool) -> str:
    """Bucket and key; cut short, without what all have in common and what the row says anyway."""
    if entry is None:
        return "none"
    if whole:
        return f"{entry['bucket']}/{entry['key']}"
    version = entry["key"].rpartition("/")[2].removesuffix(SUFFIX)
    return f"{entry['bucket'].removeprefix(BUCKET_PREFIX)}/…/{version}"


def told(order_no: str, done: Performance, seen: Findings) -> Text:
    """How many pushes of an order were received, of those that should be."""
    wanted = sum(done.orders[order_no].events_for(audience).total() for audience in seen.received)
    got = sum(each.order_no == order_no for some in seen.received.values() for each in some)
    is_right = got == wanted
    count = f"{got} ✓" if is_right else f"{got} of {wanted} ✗"
    return Text(count, style="green" if is_right else "bold red")
