"""Subscribing: a wish to be told is checked, given a secret, and kept."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import SplitResult, urlsplit

import httpx
from sqlmodel import Session

from config.settings import settings
from ordercast.contracts.subscriber import (
    TMF641,
    CreatedSubscriber,
    NewSecret,
    NewSubscriber,
    Policy,
    SubscriberChange,
    SubscriberKind,
)
from ordercast.contracts.subscriber import SubscriberView as View
from ordercast.delivery.amqp import exchange_of
from ordercast.delivery.forms import (
    method_of,
    new_secret_for,
    problem_with_secret,
    problems_with_form,
    told,
)
from ordercast.delivery.guard import AddressRefused, Guard, NameUnknown
from ordercast.delivery.mqtt_topics import problem_with_topic
from ordercast.domain.errors import InvalidMessage, Problem
from ordercast.domain.partial_masks import Masking
from ordercast.domain.said import Said
from ordercast.store import subscribers
from ordercast.store.engine import Database
from ordercast.store.push_tables import Subscriber
from ordercast.store.pushes import LINES_ENDED, event_type_pattern

PORTS = {"http": 80, "https": 443, "amqp": 5672, "amqps": 5671, "mqtt": 1883, "mqtts": 8883}


def check(wanted: NewSubscriber, guard: Guard) -> None:
    """InvalidMessage, with all problems in one go, if someone cannot be told so."""
    problems = list(_problems(wanted, guard))
    if problems:
        raise InvalidMessage(problems)


def change(database: Database, subscriber_id: str, wanted: SubscriberChange, guard: Guard) -> View:
    """Change a subscriber; InvalidMessage, with all problems in one go, if it cannot be so."""
    with database.read() as session:
        subscriber = subscribers.get(session, subscriber_id)
    if problems := list(_problems_with_change(subscriber, wanted, guard)):
        raise InvalidMessage(problems)
    with database.write() as session:
        return View.model_validate(subscribers.change(session, subscriber_id, wanted))


def subscribe(session: Session, wanted: NewSubscriber) -> CreatedSubscriber:
    """Keep a checked wish; the answer is the only one that shows the signing secret."""
    secret = wanted.secret or new_secret_for(wanted.body)
    subscriber = subscribers.create(session, wanted, secret=secret)
    return CreatedSubscriber(**View.model_validate(subscriber).model_dump(), secret=secret)


def rotate_secret(session: Session, subscriber_id: str, wanted: NewSecret) -> CreatedSubscriber:
    """Have a subscriber's pushes signed with another secret, which only this answer shows.

    The old one goes on signing for the overlap; InvalidMessage if the given one is no secret.
    """
    subscriber = subscribers.get(session, subscriber_id)
    given = wanted.secret
    if given is not None and (problem := problem_with_secret(subscriber.body, given)):
        raise InvalidMessage([problem])
    hours = wanted.overlap_hours
    overlap = timedelta(hours=settings().relay.secret_overlap_hours if hours is None else hours)
    secret = given or new_secret_for(subscriber.body)
    subscribers.rotate(session, subscriber, secret=secret, overlap=overlap)
    return CreatedSubscriber(**View.model_validate(subscriber).model_dump(), secret=secret)


def _problems(wanted: NewSubscriber, guard: Guard) -> Iterator[Problem]:
    yield from _problems_with_agent(wanted)
    yield from _problems_with_url(wanted.url, guard)
    yield from _problems_with_event_types(wanted.event_types)
    event_types = told(wanted.event_types, wanted.policy)
    yield from problems_with_form(wanted.body, wanted.masking, event_types, wanted.secret)
    yield from _problems_with_callback(wanted.body, wanted.url)


def _problems_with_change(
    subscriber: Subscriber, wanted: SubscriberChange, guard: Guard
) -> Iterator[Problem]:
    given = wanted.given()
    if not given:
        yield Problem("", "nothing is to be changed", "name a field and its new value")
    if "url" in given:
        yield from _problems_with_url(wanted.url, guard)
    if subscriber.kind == SubscriberKind.AGENT and wanted.agents not in ([], [subscriber.agent]):
        yield Problem("agents", "does not go with kind agent", "leave it out")
    yield from _problems_with_event_types(wanted.event_types)
    body, url = given.get("body", subscriber.body), given.get("url", subscriber.url)
    yield from _problems_with_callback(body, url)
    if given.keys() & {"body", "masking", "event_types", "policy"}:
        yield from _problems_with_new_form(subscriber, given)


def _problems_with_new_form(subscriber: Subscriber, given: dict[str, Any]) -> Iterator[Problem]:
    """What it has goes on with what it is given; its secret stays, so that must fit too."""
    body = given.get("body", subscriber.body)
    masking = [Masking(each) for each in given.get("masking", subscriber.masking)]
    policy = Policy(given.get("policy", subscriber.policy))
    event_types = told(given.get("event_types", subscriber.event_types), policy)
    is_new = method_of(body) is not method_of(subscriber.body)
    secret = subscribers.secret_of(subscriber) if is_new else None
    yield from problems_with_form(body, masking, event_types, secret)


def _problems_with_callback(body: str, url: str) -> Iterator[Problem]:
    if body == TMF641 and not url.startswith("http"):
        yield Problem("body", "tmf641 goes to a callback", "use an http or https URL")


def _problems_with_agent(wanted: NewSubscriber) -> Iterator[Problem]:
    is_agent = wanted.kind is SubscriberKind.AGENT
    if is_agent and not wanted.agent:
        yield Problem("agent", "is missing", "name the agent whose orders it is told of")
    if not is_agent and wanted.agent:
        problem = Said("does not go with kind {kind}", kind=wanted.kind)
        cure = Said("make it kind agent, or narrow it down with `agents`")
        yield Problem("agent", problem, cure)
    if is_agent and wanted.agents and wanted.agents != [wanted.agent]:
        yield Problem("agents", "does not go with kind agent", "leave it out")


def _problems_with_event_types(patterns: Sequence[str]) -> Iterator[Problem]:
    cure = Said("use for instance order.*, order.completed or work-order.failed")
    for place, pattern in enumerate(patterns):
        if pattern == LINES_ENDED:
            problem = Said("{pattern!r} goes by the policy", pattern=pattern)
            yield Problem(f"event_types[{place}]", problem, "leave it out, and set policy: lines")
        elif not event_type_pattern(pattern):
            problem = Said("{pattern!r} matches no event", pattern=pattern)
            yield Problem(f"event_types[{place}]", problem, cure)


def _problems_with_url(text: str, guard: Guard) -> Iterator[Problem]:
    try:
        url, parts = httpx.URL(text), urlsplit(text)
    except httpx.InvalidURL as error:
        yield Problem("url", Said("is not a URL ({error})", error=error), "use https://host/path")
        return
    except ValueError:
        yield Problem("url", "has a sign that must be encoded", "write [ as %5B, and others so too")
        return
    if url.scheme not in PORTS or not url.raw_host:
        yield Problem("url", "is not an http, https, amqp or mqtt URL", "use https://host/path")
    elif problem := _problem_with_host(url) or _problem_with_port(parts):
        yield problem
    elif url.fragment:
        yield Problem("url", "has a fragment", "leave out what follows the #")
    elif problem := _problem_of_its_kind(url, text):
        yield problem
    else:
        yield from _problems_with_address(url, guard)


def _problem_with_host(url: httpx.URL) -> Problem | None:
    """A name is decoded when it is asked for, not before."""
    try:
        _ = url.host
    except UnicodeError:
        return Problem("url", "names a host that cannot be", "mend the part that begins with xn--")
    return None


def _problem_with_port(parts: SplitResult) -> Problem | None:
    try:
        is_right = parts.port != 0
    except ValueError:
        is_right = False
    if is_right:
        return None
    return Problem("url", "names a port that cannot be", "use one from 1 to 65535")


def _problem_of_its_kind(url: httpx.URL, text: str) -> Problem | None:
    """A webhook is signed and needs no password; a broker wants one, and an exchange or topic."""
    if url.scheme.startswith("mqtt"):
        return problem_with_topic(text)
    if not url.scheme.startswith("amqp"):
        cure = Said("leave them out; pushes are signed")
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
        problem = Said("leads where no push may go: {refused}", refused=refused)
        cure = Said("use a public address, or let the operator allow the network")
        yield Problem("url", problem, cure)
