"""Composing a push: of an event and a subscriber the media type, the headers and the body.

The body of an event is made once for all subscribers of the same form, and is the same at
every attempt; signed is each push by itself.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Generic, NamedTuple, TypeVar
from uuid import UUID

from config.push_dialects import PushDialect, push_dialects
from config.push_shape import Method
from ordercast.contracts.subscriber import CLOUD_EVENTS, TMF641
from ordercast.delivery import tmf_events
from ordercast.delivery.channels import Push
from ordercast.delivery.cloud_events import MEDIA_TYPE, body_of
from ordercast.delivery.key_signatures import signature
from ordercast.delivery.push_forms import Filled, fill, write
from ordercast.delivery.signing import PREFIX, signed_headers
from ordercast.delivery.tmf_events import listener_url, tmf_event
from ordercast.domain.errors import PushNotMade
from ordercast.domain.partial_masks import Masking, PartialMask
from ordercast.store import subscribers
from ordercast.store.clock import now
from ordercast.store.push_leases import LeasedDelivery
from ordercast.store.push_tables import PushEvent, Subscriber

KEPT = 512
"""How many bodies, each under 20 kB, are kept for the next subscriber."""

Value = TypeVar("Value")


class Spelling(NamedTuple):
    """A body of our own: what it is, and what makes its text of an event and its data."""

    description: str
    media_type: str
    text: Callable[..., str]


OUR_OWN: Mapping[str, Spelling] = {
    CLOUD_EVENTS: Spelling("CloudEvents 1.0", MEDIA_TYPE, body_of),
    TMF641: Spelling(tmf_events.STATE_CHANGE, tmf_events.MEDIA_TYPE, tmf_event),
}


class Form(NamedTuple):
    """What tells apart the bodies of one event: the dialect, and what is masked."""

    body: str = CLOUD_EVENTS
    masking: tuple[Masking, ...] = ()


@dataclass(frozen=True)
class Composed:
    """A push as it goes out, whatever the way."""

    media_type: str
    body: bytes
    headers: Mapping[str, str]


def form_of(subscriber: Subscriber) -> Form:
    """The form that a subscriber is sent."""
    return Form(subscriber.body, tuple(sorted(map(Masking, subscriber.masking))))


def masked(event: PushEvent, masking: Iterable[str]) -> dict[str, Any]:
    """The data of an event as a subscriber with that masking may see it, by whatever way."""
    wanted = tuple(map(Masking, masking))
    return PartialMask(wanted)(event.data) if wanted else event.data


class Composer:
    """Makes pushes; it is for one thread. `base_url` is the gateway's."""

    def __init__(self, *, base_url: str, dialects: Mapping[str, PushDialect] | None = None) -> None:
        self._base_url = base_url
        self._dialects = push_dialects() if dialects is None else dialects
        self._bodies: _Recent[tuple[str, bytes]] = _Recent(KEPT)
        self._filled: _Recent[Filled] = _Recent(KEPT)
        self._secret = lru_cache(KEPT)(subscribers.opened)

    def push(self, leased: LeasedDelivery) -> Push:
        """The push of a delivery; PushNotMade, or ConfigurationError if no key opens a secret.

        Who waits at our own broker knows that it is us: that is not signed.
        """
        event, subscriber, at = leased.event, leased.subscriber, now()
        secrets: Sequence[str] = ()
        if leased.reply_to is None:
            secrets = [*map(self._secret, subscribers.sealed_secrets(subscriber, at=at))]
        made = self.compose(event, form_of(subscriber), secrets, at=at)
        url = subscribers.url_of(subscriber)
        return Push(
            listener_url(url, event.type) if subscriber.body == TMF641 else url,
            str(event.id),
            event.type,
            made.media_type,
            made.body,
            made.headers,
            leased.reply_to,
            order_no=event.order_no,
            time=event.occurred_at.isoformat(),
            devices=[each for each in leased.devices if each.named_by not in subscriber.masking],
        )

    def compose(
        self, event: PushEvent, form: Form, secrets: Sequence[str], *, at: datetime
    ) -> Composed:
        """An event in a form, signed with the secrets that are valid, the new one first."""
        spelling = OUR_OWN.get(form.body)
        if spelling is None:
            return self._in_dialect(event, form, secrets, at)
        text, body = self._bodies.get((event.id, form), lambda: self._spelled(event, form))
        return Composed(spelling.media_type, body, _standard(event, text, secrets, at))

    def _spelled(self, event: PushEvent, form: Form) -> tuple[str, bytes]:
        data = masked(event, form.masking)
        text = OUR_OWN[form.body].text(event, data, base_url=self._base_url)
        return text, text.encode()

    def _in_dialect(
        self, event: PushEvent, form: Form, secrets: Sequence[str], at: datetime
    ) -> Composed:
        dialect = self._dialect(form.body)
        rule, media_type = dialect.written.signature, dialect.written.content_type
        filled = self._filled.get(
            (event.id, form), lambda: fill(dialect, event, masked(event, form.masking))
        )
        if rule.method is Method.STANDARD:
            assert filled.body is not None
            signed = _standard(event, filled.body.decode(), secrets, at)
            return Composed(media_type, filled.body, {**filled.headers, **signed})
        sign = signature(
            rule,
            secrets[-1],  # there is room for one: the old one until its time is over
            body=filled.body or b"",
            parameters=filled.parameters,
            charset=dialect.written.charset,
        )
        if rule.header is not None:
            assert filled.body is not None
            return Composed(media_type, filled.body, {**filled.headers, rule.header: sign})
        with_sign = {**filled.parameters, str(rule.field): sign}
        return Composed(media_type, write(dialect, filled, with_sign), filled.headers)

    def _dialect(self, name: str) -> PushDialect:
        found = self._dialects.get(name)
        if found is None:
            raise PushNotMade(f"there is no push dialect {name!r} in ORDERCAST_PUSH_DIALECTS")
        return found


def _standard(event: PushEvent, text: str, secrets: Sequence[str], at: datetime) -> dict[str, str]:
    if not secrets:
        return {}
    if not all(secret.startswith(PREFIX) for secret in secrets):
        raise PushNotMade(f"the secret does not begin with {PREFIX}: rotate it")
    return signed_headers(secrets, message_id=str(event.id), body=text, at=at)


class _Recent(Generic[Value]):
    """What was made for the latest events, to be used again."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._made: OrderedDict[tuple[UUID, Form], Value] = OrderedDict()

    def get(self, key: tuple[UUID, Form], make: Callable[[], Value]) -> Value:
        """What was made for the key; else what is made now."""
        if key in self._made:
            self._made.move_to_end(key)
            return self._made[key]
        made = self._made[key] = make()
        if len(self._made) > self._most:
            self._made.popitem(last=False)
        return made
