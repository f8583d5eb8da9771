"""Subscribing: a wish to be told is checked, given a secret, and kept."""

from collections.abc import Iterator, Sequence

import httpx
from sqlmodel import Session

from ordercast.contracts.subscriber import CreatedSubscriber, Form, NewSubscriber, SubscriberKind
from ordercast.contracts.subscriber import SubscriberView as View
from ordercast.delivery.amqp import exchange_of
from ordercast.delivery.guard import AddressRefused, Guard, NameUnknown
from ordercast.delivery.mqtt_topics import problem_with_topic
from ordercast.delivery.signing import new_secret, problem_with_secret
from ordercast.domain.errors import InvalidMessage, Problem
from ordercast.store import subscribers
from ordercast.store.pushes import event_type_pattern

PORTS = {"http": 80, "https": 443, "amqp": 5672, "amqps": 5671, "mqtt": 1883, "mqtts": 8883}


def check(wanted: NewSubscriber, guard: Guard) -> None:
    """InvalidMessage, with all problems in one go, if someone cannot be told so."""
    problems = list(_problems(wanted, guard))
    if problems:
        raise InvalidMessage(problems)


def subscribe(session: Session, wanted: NewSubscriber) -> CreatedSubscriber:
    """Keep a checked wish; the answer is the only one that shows the signing secret."""
    secret = wanted.secret or new_secret()
    subscriber = subscribers.create(session, wanted, secret=secret)
    return CreatedSubscriber(**View.model_validate(subscriber).model_dump(), secret=secret)


def _problems(wanted: NewSubscriber, guard: Guard) -> Iterator[Problem]:
    yield from _problems_with_agent(wanted)
    yield from _problems_with_url(wanted.url, guard)
    yield from _problems_with_event_types(wanted.event_types)
    yield from _problems_with_form(wanted)
    if wanted.secret is not None and (problem := problem_with_secret(wanted.secret)):
        yield problem


def _problems_with_agent(wanted: NewSubscriber) -> Iterator[Problem]:
    is_agent = wanted.kind is SubscriberKind.AGENT
    if is_agent and not wanted.agent:
        yield Problem("agent", "is missing", "name the agent whose orders it is told of")
    if not is_agent and wanted.agent:
        cure = "make it kind agent, or narrow it down with `agents`"
        yield Problem("agent", f"does not go with kind {wanted.kind}", cure)
    if is_agent and wanted.agents and wanted.agents != [wanted.agent]:
        yield Problem("agents", "does not go with kind agent", "leave it out")


def _problems_with_event_types(patterns: Sequence[str]) -> Iterator[Problem]:
    cure = "use for instance order.*, order.completed or work-order.failed"
    for place, pattern in enumerate(patterns):
        if not event_type_pattern(pattern):
            yield Problem(f"event_types[{place}]", f"{pattern!r} matches no event", cure)


def _problems_with_form(wanted: NewSubscriber) -> Iterator[Problem]:
    if wanted.form is Form.TMF641 and not wanted.url.startswith("http"):
        yield Problem("form", "tmf641 goes to a callback", "use an http or https URL")


def _problems_with_url(text: str, guard: Guard) -> Iterator[Problem]:
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL as error:
        yield Problem("url", f"is not a URL ({error})", "use https://host/path")
        return
    if url.scheme not in PORTS or not url.host:
        yield Problem("url", "is not an http, https, amqp or mqtt URL", "use https://host/path")
    elif url.fragment:
        yield Problem("url", "has a fragment", "leave out what follows the #")
    elif problem := _problem_of_its_kind(url, text):
        yield problem
    else:
        yield from _problems_with_address(url, guard)


def _problem_of_its_kind(url: httpx.URL, text: str) -> Problem | None:
    """A webhook is signed and needs no password; a broker wants one, and an exchange or topic."""
    if url.scheme.startswith("mqtt"):
        return problem_with_topic(text)
    if not url.scheme.startswith("amqp"):
        cure = "leave them out; pushes are signed"
        return Problem("url", "holds credentials", cure) if url.userinfo else None
    if not exchange_of(text):
        return Problem("url", "names no exchange", "use amqp://host/vhost?exchange=name")
    return None


def _problems_with_address(url: httpx.URL, guard: Guard) -> Iterator[Problem]:
    """A name that does not resolve yet is no problem: it is checked at every delivery too."""
    try:
        guard.resolve(url.raw_host.decode(), url.port or PORTS[url.scheme])
    except NameUnknown:
        return
    except AddressRefused as refused:
        cure = "use a public address, or let the operator allow the network"
        yield Problem("url", f"leads where no push may go: {refused}", cure)
