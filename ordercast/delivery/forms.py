"""The form that a subscriber asks for: its dialect is tried, and its secret must go with it."""

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase

from config.documents import one_of
from config.push_dialects import push_dialects
from config.push_shape import Method
from ordercast.contracts.subscriber import DEFAULT_EVENT_TYPES, Policy
from ordercast.delivery import key_signatures, signing
from ordercast.delivery.composing import OUR_OWN, Composer, Form
from ordercast.delivery.example_events import AT, example_event
from ordercast.domain.errors import Problem, PushNotMade
from ordercast.domain.partial_masks import Masking
from ordercast.domain.said import Said
from ordercast.store.pushes import EVENT_TYPES, LINES_ENDED


def method_of(body: str) -> Method:
    """How pushes in a form are signed; one that is not there any more counts as our own."""
    dialect = push_dialects().get(body)
    return dialect.written.signature.method if dialect else Method.STANDARD


def new_secret_for(body: str) -> str:
    """A fresh secret as the form's signature wants it."""
    is_standard = method_of(body) is Method.STANDARD
    return signing.new_secret() if is_standard else key_signatures.new_key()


def problems_with_form(
    body: str,
    masking: Sequence[Masking],
    event_types: Sequence[str],
    secret: str | None,
) -> Iterator[Problem]:
    """What is wrong with a form: no such dialect, one that fails, or a secret of another kind.

    `event_types` are those that are told, by name.
    """
    dialect = push_dialects().get(body)
    if dialect is None and body not in OUR_OWN:
        cure = one_of([*OUR_OWN, *push_dialects()], body)
        yield Problem("body", Said("there is no push dialect {name!r}", name=body), cure)
        return
    if secret is not None and (problem := problem_with_secret(body, secret)):
        yield problem
    if failure := _failure(Form(body, tuple(masking)), event_types):
        cure = Said("ask for other events, or choose another body")
        if dialect:
            cure = Said("mend {file}, or choose another body", file=dialect.path.name)
        yield Problem("body", failure, cure)


def problem_with_secret(body: str, secret: str) -> Problem | None:
    """What is wrong with a secret for pushes in that form, never quoting it."""
    if method_of(body) is Method.STANDARD:
        return signing.problem_with_secret(secret)
    return key_signatures.problem_with_key(secret)


def told(event_types: Sequence[str], policy: Policy) -> list[str]:
    """The events that a subscriber is told of, by name, of the patterns that it asks for."""
    patterns = event_types or DEFAULT_EVENT_TYPES
    named = [each for each in EVENT_TYPES if any(fnmatchcase(each, one) for one in patterns)]
    return [*named, LINES_ENDED] if policy is Policy.LINES else named


def _failure(form: Form, event_types: Sequence[str]) -> str | None:
    """Why no push can be made of one of the events."""
    composer, secret = Composer(base_url="http://127.0.0.1"), new_secret_for(form.body)
    for event_type in event_types:
        try:
            composer.compose(example_event(event_type), form, [secret], at=AT)
        except PushNotMade as failure:
            return Said("does not fit {event}: {failure}", event=event_type, failure=failure)
    return None
