"""Which broker it is: the scheme of its URL says."""

from importlib import import_module

from config.settings import BrokerSettings
from ordercast.domain.errors import ConfigurationError
from ordercast.services.listener.deliveries import Middleware, Queue

BROKERS = {
    "amqp": ("rabbit", "Rabbit"),
    "amqps": ("rabbit", "Rabbit"),
    "nats": ("jetstream", "JetStream"),
    "tls": ("jetstream", "JetStream"),
}
"""Each broker is a module and a class in it, imported only where it is used."""


def open_middleware(chosen: BrokerSettings, queues: list[Queue]) -> Middleware:
    """A connection, not yet opened; ConfigurationError if the URL is of no known broker."""
    scheme = chosen.url.get_secret_value().partition("://")[0]
    if scheme not in BROKERS:
        raise ConfigurationError(
            "ORDERCAST_BROKER__URL",
            "is not the URL of a known broker" if scheme else "is not set",
            f"use one of: {', '.join(f'{name}://' for name in BROKERS)}",
        )
    module, name = BROKERS[scheme]
    found = import_module(f"ordercast.services.listener.{module}")
    return getattr(found, name)(chosen, queues)
