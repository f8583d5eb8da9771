"""Alerting people by Apprise, which knows over a hundred services by their URLs.

It blocks, rests between messages and answers with a bare yes or no: never call it in an event
loop. A URL holds tokens, so it is named by its place and scheme alone.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ordercast.store.tables import OperatorAlert

MOST_LISTED = 20
MOST_LETTERS = 300


@dataclass(frozen=True)
class Told:
    """What one of the URLs answered: `problem` is None where it took the message."""

    address: str
    problem: str | None = None


def urls_of(text: str) -> list[str]:
    """The URLs of the setting: there is white space between them."""
    return text.split()


def notify(urls: Iterable[str], *, title: str, body: str) -> list[Told]:
    """Send a message to each URL by itself, so that one that fails has no say in the others."""
    return [_notify(place, url, title, body) for place, url in enumerate(urls, start=1)]


def message_of(alerts: Sequence[OperatorAlert]) -> tuple[str, str]:
    """One title and body for all that is to be said now; of very many, the newest are named."""
    if len(alerts) == 1:
        return f"Ordercast: {alerts[0].kind} {alerts[0].subject}", _line(alerts[0])
    shown = [_line(alert) for alert in alerts[-MOST_LISTED:]]
    if len(alerts) > MOST_LISTED:
        shown.insert(0, f"{len(alerts) - MOST_LISTED} earlier ones: ordercast alerts list")
    return f"Ordercast: {len(alerts)} alerts", "\n".join(shown)


def _line(alert: OperatorAlert) -> str:
    text = alert.text if len(alert.text) <= MOST_LETTERS else f"{alert.text[:MOST_LETTERS]}…"
    return f"{alert.created_at:%Y-%m-%d %H:%M} UTC {alert.kind} {alert.subject}: {text}"


def _notify(place: int, url: str, title: str, body: str) -> Told:
    import apprise  # noqa: PLC0415 (it takes its time to load, and few processes need it)

    address = f"{place}. {url.partition(':')[0]}"
    service = apprise.Apprise()
    if not service.add(url):
        return Told(address, "is no URL that Apprise knows")
    if not service.notify(title=title, body=body, body_format=apprise.NotifyFormat.TEXT):
        return Told(address, "did not take the message")
    return Told(address)
