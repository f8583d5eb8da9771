"""Report: daily, how many orders ended how, by state, product and agent, and how long that took."""

from datetime import date, timedelta

from prefect import State, flow
from prefect.states import Completed

from flows.report_artifacts import publish_plots, publish_report
from flows.turn import skipped, turn
from ordercast.store.clock import now
from tasks.report import gather_figures, keep_report


@flow(name="report", persist_result=False)
def report(day: date | None = None) -> State:
    """Tell of a day in UTC, of yesterday unless one is named, and keep its orders as CSV."""
    with turn("report") as refusal:
        if refusal:
            return skipped(refusal)
        figures = gather_figures(day or now().date() - timedelta(days=1))
        kept_at = keep_report(figures)
        publish_report(figures, kept_at)
        publish_plots(figures)
    ended = f"{figures.ordered} ordered, {len(figures.ended)} ended"
    return Completed(message=f"{figures.day:%Y-%m-%d}: {ended}; {kept_at}")
