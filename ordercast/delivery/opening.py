"""Opening the channels that there are, as the settings say."""

from config.settings import BrokerSettings, RelaySettings
from ordercast.delivery.amqp import AmqpChannel
from ordercast.delivery.channels import Channels
from ordercast.delivery.guard import guard
from ordercast.delivery.mqtt import MqttChannel
from ordercast.delivery.replies import reply_channel
from ordercast.delivery.webhook import WebhookChannel


def open_channels(relay: RelaySettings, broker: BrokerSettings) -> Channels:
    """A channel for each scheme that a subscriber's URL may have, and one for senders."""
    seconds = relay.deliver_timeout_seconds
    webhook = WebhookChannel(guard(), timeout_seconds=seconds, connections=relay.deliver_most)
    amqp = AmqpChannel(guard(), timeout_seconds=seconds)
    mqtt = MqttChannel(guard(), timeout_seconds=seconds)
    replies = reply_channel(broker.url.get_secret_value(), timeout_seconds=seconds)
    return Channels(
        {
            "http": webhook,
            "https": webhook,
            "amqp": amqp,
            "amqps": amqp,
            "mqtt": mqtt,
            "mqtts": mqtt,
            "reply": replies,
        }
    )
