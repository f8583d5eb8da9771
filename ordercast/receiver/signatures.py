"""A push as it was received, and whether its signature holds. Source: Standard Webhooks 1.0."""

import base64
import binascii
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import sha256

from ordercast.delivery.signing import PREFIX

ID, TIMESTAMP, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"
HEADERS = (ID, TIMESTAMP, SIGNATURE)
VERSION = "v1,"


@dataclass(frozen=True)
class Received:
    """The three headers, empty where they are missing, and the bytes of the body."""

    message_id: str
    timestamp: str
    signature: str
    body: bytes

    @classmethod
    def of(cls, headers: Mapping[str, str], body: bytes) -> "Received":
        """From headers in any case of letters."""
        lower = {name.lower(): value for name, value in headers.items()}
        message_id, timestamp, signature = (lower.get(name, "") for name in HEADERS)
        return cls(message_id, timestamp, signature, body)

    @property
    def missing(self) -> list[str]:
        """The headers that are not there."""
        values = (self.message_id, self.timestamp, self.signature)
        return [name for name, value in zip(HEADERS, values, strict=True) if not value]

    def changed(self, **changes: str | bytes) -> "Received":
        return replace(self, **changes)

    def is_signed_with(self, key: bytes) -> bool:
        """Whether one of the signatures is that of id, timestamp and body with this key."""
        signed = f"{self.message_id}.{self.timestamp}.".encode() + self.body
        digest = hmac.new(key, signed, sha256).digest()
        return any(hmac.compare_digest(digest, each) for each in signatures(self.signature))


def signatures(header: str) -> list[bytes]:
    """The digests of a `webhook-signature` header; what is not `v1,` and base64 is left out."""
    found = []
    for token in header.split():
        if token.startswith(VERSION):
            try:
                found.append(base64.b64decode(token.removeprefix(VERSION), validate=True))
            except (binascii.Error, ValueError):
                continue
    return found


def key_of(secret: str) -> bytes | None:
    """The key in a secret; None if it is not `whsec_` and base64."""
    if not secret.startswith(PREFIX):
        return None
    try:
        return base64.b64decode(secret.removeprefix(PREFIX), validate=True) or None
    except (binascii.Error, ValueError):
        return None
