"""The queues that the settings name."""

from collections.abc import Iterator

from config.settings import BrokerSettings
from ordercast.domain.errors import ConfigurationError
from ordercast.services.listener.deliveries import Kind, Queue


def queues(chosen: BrokerSettings) -> list[Queue]:
    """The queues to take messages from; ConfigurationError if there are none, or one twice."""
    found = [
        *_named("ORDERCAST_BROKER__ORDERS_QUEUES", chosen.orders_queues, Kind.ORDERS),
        *_named("ORDERCAST_BROKER__REPORTS_QUEUES", chosen.reports_queues, Kind.REPORTS),
    ]
    names = [queue.name for queue in found]
    if not found or len({*names, chosen.dead_letters}) <= len(names):
        raise ConfigurationError(
            "ORDERCAST_BROKER__ORDERS_QUEUES",
            "with the other queues it names none, or one twice",
            "name each queue once, the one for dead letters too",
        )
    return found


def _named(setting: str, text: str, kind: Kind) -> Iterator[Queue]:
    for part in filter(None, map(str.strip, text.split(","))):
        name, sign, agent = (each.strip() for each in part.partition("="))
        if not name or (sign and not agent):
            raise ConfigurationError(
                setting, f"{part!r} is not a queue", "give queues by comma, or queue=agent"
            )
        yield Queue(name, kind, agent or None)
