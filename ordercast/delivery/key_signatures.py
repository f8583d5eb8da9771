"""Signatures with a shared key, as partners in China ask for them.

Sources: WeChat Pay v2, 签名算法 (sorted-md5); RFC 2104 (HMAC).
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping

from config.push_shape import Method, SignatureShape
from ordercast.domain.errors import Problem
from ordercast.domain.said import Said

FEWEST_CHARACTERS, MOST_CHARACTERS = 16, 128


def new_key() -> str:
    """A fresh key: 32 characters, as long as WeChat Pay's."""
    return secrets.token_hex(16)


def problem_with_key(key: str) -> Problem | None:
    """What is wrong with a key that somebody else made, never quoting it."""
    cure = Said("leave it out and one is made")
    if not (key.isascii() and key.isprintable() and " " not in key):
        return Problem("secret", "has characters beside letters, digits and signs", cure)
    if not FEWEST_CHARACTERS <= len(key) <= MOST_CHARACTERS:
        limits = {"fewest": FEWEST_CHARACTERS, "most": MOST_CHARACTERS}
        size = Said("is of {n} characters, not {fewest} to {most}", n=len(key), **limits)
        return Problem("secret", size, cure)
    return None


def sorted_text(parameters: Mapping[str, str]) -> str:
    """`a=1&b=2`: what is not empty, by name in the order of its characters, not encoded."""
    return "&".join(f"{name}={value}" for name, value in sorted(parameters.items()) if value)


def signature(
    rule: SignatureShape, key: str, *, body: bytes, parameters: Mapping[str, str], charset: str
) -> str:
    """The signature of a body, or of parameters in a charset, by the rule of a push dialect."""
    signed = body
    if not rule.is_over_body:
        signed = (sorted_text(parameters) + rule.appended.replace("{key}", key)).encode(charset)
    return (rule.prefix or "") + _spelled(rule, _digest(rule, key, signed))


def _digest(rule: SignatureShape, key: str, signed: bytes) -> bytes:
    if rule.method is Method.SORTED_MD5:
        return hashlib.md5(signed, usedforsecurity=False).digest()  # partners ask for it
    return hmac.digest(key.encode(), signed, "sha256")


def _spelled(rule: SignatureShape, digest: bytes) -> str:
    if rule.encoding == "base64":
        return base64.b64encode(digest).decode()
    return digest.hex().upper() if rule.is_upper else digest.hex()
