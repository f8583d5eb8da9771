"""The artifacts of a day's report: tables, and plots as pictures that need no server.

The plots are drawn by a template as SVG: bars need no library, and the worker that carries
orders should not load one for them.
"""

from base64 import b64encode
from collections.abc import Mapping

from prefect.artifacts import create_image_artifact, create_markdown_artifact

from flows.templates import picture, template
from ordercast.domain.day import by, quantile, spread
from tasks.report import Day

LIMIT = 50
"""The most rows of a table; what comes behind is in the CSV."""


def publish_report(figures: Day, kept_at: str) -> None:
    """The tables of a day: one API call."""
    tables = {
        "state": by(figures.ended, lambda each: [each.state]),
        "product": by(figures.ended, lambda each: each.products),
        "agent": by(figures.ended, lambda each: [each.agent]),
        "all": by(figures.ended, lambda _: ["all"]),
    }
    text = template("report.md.j2").render(
        figures=figures, tables=tables, kept_at=kept_at, limit=LIMIT, quantile=quantile
    )
    create_markdown_artifact(
        text, key="report", description=f"the orders of {figures.day:%Y-%m-%d}"
    )


def publish_plots(figures: Day) -> None:
    """The plots of a day: an API call each."""
    day = f"{figures.day:%Y-%m-%d}"
    states = {state: each.count for state, each in by(figures.ended, lambda o: [o.state]).items()}
    complete = [each.seconds_to_complete for each in figures.ended]
    told = [seconds for each in figures.ended for seconds in each.seconds_to_told]
    _publish("report-states", f"How orders ended, {day}", states)
    _publish("report-time-to-complete", f"From order to outcome, {day}", spread(complete))
    _publish("report-time-to-told", f"From outcome to acknowledgement, {day}", spread(told))


def _publish(key: str, title: str, bars: Mapping[str, int]) -> None:
    drawn = picture("bars.svg.j2").render(title=title, bars=bars, most=max([1, *bars.values()]))
    url = f"data:image/svg+xml;base64,{b64encode(drawn.encode()).decode()}"
    create_image_artifact(image_url=url, key=key, description=title)
