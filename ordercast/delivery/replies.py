"""The reply channel: the sender of an order is told where its message said it waits.

It goes by the broker of `ORDERCAST_BROKER__URL`, which is the operator's own: the guard has
no say in it.
"""

from dataclasses import replace

from ordercast.delivery.amqp import properties_of, publish
from ordercast.delivery.amqp_lines import AmqpLines
from ordercast.delivery.answers import Answer
from ordercast.delivery.channels import Channel, Push
from ordercast.delivery.nats_replies import NatsReplies
from ordercast.delivery.verdicts import Reason

TEMPORARY = ("amq.", "amq_")
"""How names begin that a broker, or a driver for it, makes for a queue that ends with its
connection: one that is gone does not come back."""


def reply_channel(broker_url: str, *, timeout_seconds: float) -> Channel:
    """The channel of a broker; one that says so if there is none."""
    match broker_url.partition("://")[0]:
        case "amqp" | "amqps":
            return AmqpReplies(broker_url, timeout_seconds=timeout_seconds)
        case "nats" | "tls":
            return NatsReplies(broker_url, timeout_seconds=timeout_seconds)
        case _:
            return NoReplies()


class AmqpReplies:
    """Puts events into the queues that senders wait at, persistent and confirmed."""

    def __init__(self, broker_url: str, *, timeout_seconds: float) -> None:
        self._broker_url, self._timeout_seconds = broker_url, timeout_seconds
        self._lines = AmqpLines(guard=None)

    async def send(self, push: Push) -> Answer:
        """Publish once; `no-queue` or `queue-gone` if the sender's queue is not there."""
        assert push.reply_to
        answer = await publish(
            self._lines,
            self._broker_url,
            push.body,
            properties_of(push, correlation_id=push.reply_to.correlation_id),
            exchange="",
            routing_key=push.reply_to.address,
            timeout_seconds=self._timeout_seconds,
        )
        if answer.fault is Reason.NO_QUEUE and push.reply_to.address.startswith(TEMPORARY):
            return replace(answer, fault=Reason.QUEUE_GONE)
        return answer

    async def close(self) -> None:
        """Close the connection."""
        await self._lines.close()


class NoReplies:
    """There is no broker, or none by which senders can be told."""

    async def send(self, push: Push) -> Answer:
        """Our fault: it is tried again until the setting is there."""
        del push
        return Answer(0, body="ORDERCAST_BROKER__URL: no such broker", fault=Reason.INTERNAL)

    async def close(self) -> None:
        """Nothing is open."""
