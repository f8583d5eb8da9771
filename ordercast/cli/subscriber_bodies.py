"""`ordercast subscribers preview`, `bodies`, `rotate`: what is sent, and how it is signed."""

import base64
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from config.push_dialects import push_dialects
from config.push_shape import Method
from config.settings import settings
from config.yaml_document import shown
from ordercast.cli.showing import complain, show_table
from ordercast.contracts.subscriber import CLOUD_EVENTS, NewSecret
from ordercast.delivery import forms
from ordercast.delivery.composing import OUR_OWN, Composed, Composer, Form, form_of
from ordercast.delivery.example_events import example_event
from ordercast.delivery.subscribing import rotate_secret
from ordercast.domain.errors import InvalidMessage, Problem
from ordercast.domain.partial_masks import Masking
from ordercast.intake.problems import validate
from ordercast.store import push_events, subscribers
from ordercast.store.clock import now
from ordercast.store.engine import database
from ordercast.store.push_tables import PushEvent
from ordercast.store.pushes import ALL_EVENT_TYPES

EXAMPLE_EVENT = "order.completed"
EXAMPLE_SECRETS = {
    True: f"whsec_{base64.b64encode(b'an example, not secret at all').decode()}",
    False: "an-example-not-secret-at-all",
}
"""What previews without a subscriber are signed with: Standard Webhooks, and other methods."""
EVENTS = ", ".join(ALL_EVENT_TYPES)
EOL = "\n"


def preview(
    subscriber: Annotated[
        str | None, typer.Argument(help="Its id or name; or else --body.", show_default=False)
    ] = None,
    body: Annotated[
        str | None, typer.Option(help="A push dialect, or cloudevents, without a subscriber.")
    ] = None,
    event: Annotated[str | None, typer.Option(help=f"One of: {EVENTS}.")] = None,
    order: Annotated[
        str | None, typer.Option(help="The last such event of this order; else a made-up one.")
    ] = None,
    masking: Annotated[
        list[Masking] | None, typer.Option(help="Shown in part, with --body; may be repeated.")
    ] = None,
    raw: Annotated[bool, typer.Option(help="The bytes of the body alone, as sent.")] = False,
) -> None:
    """Print headers and body exactly as they would be sent now; nothing is sent."""
    problems = list(_problems(subscriber, body, masking, event))
    if problems:
        raise InvalidMessage(problems)
    url, form, secrets = _form(subscriber, Form(body or CLOUD_EVENTS, tuple(masking or ())))
    composer = Composer(base_url=settings().gateway_url)
    made = composer.compose(_event(order, event), form, secrets, at=now())
    if raw:
        sys.stdout.buffer.write(made.body)
        sys.stdout.buffer.flush()
        return
    headers = {"content-type": made.media_type, **made.headers}
    typer.echo(f"POST {url}")
    for name, value in headers.items():
        typer.echo(f"{name}: {value}")
    typer.echo(f"{EOL}{made.body.decode(_charset(made))}")


def bodies() -> None:
    """List what a subscriber may be sent as `body`."""
    rows = [
        (name, "json", "utf-8", str(Method.STANDARD), spelling.description, "")
        for name, spelling in OUR_OWN.items()
    ]
    for each in push_dialects().values():
        written = each.written
        what = (written.format, written.charset, written.signature.method)
        rows.append((each.name, *what, written.description, shown(each.path)))
    show_table("Bodies", ["body", "format", "charset", "signature", "what", "file"], rows)


def rotate(
    subscriber_id: Annotated[str, typer.Argument(help="Its id.")],
    secret: Annotated[
        str | None, typer.Option(help="Its own new secret; else one is made.")
    ] = None,
    overlap_hours: Annotated[
        float | None,
        typer.Option(help="How long the old one goes on signing; 0 if it has become known."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Sign with a new secret, shown this once; for a while the old one signs too."""
    wanted = validate(NewSecret, {"secret": secret, "overlap_hours": overlap_hours})
    with database().write() as session:
        rotated = rotate_secret(session, subscriber_id, wanted)
    if as_json:
        typer.echo(rotated.model_dump_json(indent=2))
        return
    typer.echo(f"New signing secret of {rotated.name}, shown this once: {rotated.secret}")
    until = rotated.old_secret_until
    typer.echo(
        f"The old one is valid until {until:%Y-%m-%d %H:%M} UTC."
        if until
        else "The old one is valid no longer."
    )


def _problems(
    subscriber: str | None,
    body: str | None,
    masking: Sequence[Masking] | None,
    event: str | None,
):
    if (subscriber is None) == (body is None):
        cure = "give the subscriber's id or name, or --body DIALECT"
        yield Problem("subscriber", "one of the two it must be", cure)
    if subscriber is not None and masking:
        yield Problem("masking", "is the subscriber's own", "leave it out, or use --body")
    if event is not None and event not in ALL_EVENT_TYPES:
        yield Problem("event", f"there is no {event!r}", f"use one of: {EVENTS}")
    if body is not None:
        problems = list(forms.problems_with_form(body, [], [event or EXAMPLE_EVENT], None))
        yield from (each for each in problems if each.problem.startswith("there is no"))


def _form(subscriber: str | None, form: Form) -> tuple[str, Form, list[str]]:
    """The URL, the form and the secrets; those of the subscriber if there is one."""
    if subscriber is None:
        complain("Signed with an example key, as there is no subscriber.")
        is_standard = forms.method_of(form.body) is Method.STANDARD
        return "…", form, [EXAMPLE_SECRETS[is_standard]]
    with database().read() as session:
        found = subscribers.named(session, subscriber)
    sealed = subscribers.sealed_secrets(found, at=now())
    return found.url, form_of(found), [*map(subscribers.opened, sealed)]


def _event(order: str | None, event: str | None) -> PushEvent:
    if order is None:
        return example_event(event or EXAMPLE_EVENT)
    with database().read() as session:
        return push_events.latest(session, order, event)


def _charset(made: Composed) -> str:
    return made.media_type.rpartition("charset=")[2]
