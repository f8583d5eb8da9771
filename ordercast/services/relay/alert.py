"""Alert: people are told of what they must look at, many alerts in one message."""

import logging
import threading

from config.settings import AlertSettings, settings
from ordercast.delivery.alerting import message_of, notify, urls_of
from ordercast.store.alert_sending import claim_alerts, mark_sent
from ordercast.store.clock import now
from ordercast.store.engine import DATABASE_AWAY, database

log = logging.getLogger("ordercast.relay")

LIMIT = 1000


def alert_forever(stop: threading.Event) -> None:
    """Send what is to be told, in a thread of its own; without URLs there is nobody to tell."""
    chosen = settings().alerts
    while chosen.urls.get_secret_value() and not stop.is_set():
        try:
            alert(chosen)
        except DATABASE_AWAY as fault:
            log.debug("alerts wait: %s", type(fault).__name__)
        except Exception:
            log.exception("cannot send alerts")
        stop.wait(chosen.every_seconds)


def alert(chosen: AlertSettings) -> None:
    """Send one message with all alerts that are due; it is sent once one of the URLs took it."""
    with database().write() as session:
        due = claim_alerts(session, now=now(), limit=LIMIT)
    if not due:
        return
    title, body = message_of(due)
    told = notify(urls_of(chosen.urls.get_secret_value()), title=title, body=body)
    for each in told:
        if each.problem:
            log.warning("ORDERCAST_ALERTS__URLS: %s %s", each.address, each.problem)
    if any(each.problem is None for each in told):
        with database().write() as session:
            mark_sent(session, due, at=now())
