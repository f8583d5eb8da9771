"""Signing: subscribers prove by it that a push is ours. Source: Standard Webhooks 1.0."""

import base64
import binascii
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from math import floor

from standardwebhooks.webhooks import Webhook

from ordercast.domain.errors import Problem
from ordercast.domain.said import Said

PREFIX = "whsec_"
NEW_BYTES, FEWEST_BYTES, MOST_BYTES = 32, 24, 64


def new_secret() -> str:
    """A fresh signing secret: `whsec_` and base64 of 32 random bytes."""
    return PREFIX + base64.b64encode(secrets.token_bytes(NEW_BYTES)).decode()


def problem_with_secret(secret: str) -> Problem | None:
    """What is wrong with a secret that somebody else made, never quoting it."""
    cure = Said("leave it out and one is made")
    if not secret.startswith(PREFIX):
        return Problem("secret", Said("does not begin with {prefix}", prefix=PREFIX), cure)
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        return Problem("secret", Said("is not {prefix} and padded base64", prefix=PREFIX), cure)
    if not FEWEST_BYTES <= len(key) <= MOST_BYTES:
        limits = {"fewest": FEWEST_BYTES, "most": MOST_BYTES}
        size = Said("is of {n} bytes, not {fewest} to {most}", n=len(key), **limits)
        return Problem("secret", size, cure)
    return None


def signed_headers(
    secrets: Sequence[str], *, message_id: str, body: str, at: datetime
) -> dict[str, str]:
    """The three headers that sign a body, once with each secret: two while a key is rotated."""
    moment = at.astimezone(UTC)  # the library takes any clock time for UTC
    signatures = [Webhook(secret).sign(message_id, moment, body) for secret in secrets]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(floor(moment.timestamp())),
        "webhook-signature": " ".join(signatures),
    }
