"""Passwords: hashed by Argon2id, so that who has the database does not have them."""

from functools import cache
from secrets import token_urlsafe
from threading import BoundedSemaphore

from argon2 import PasswordHasher, exceptions

HASHER = PasswordHasher()
AT_ONCE = BoundedSemaphore(4)
"""Each hash takes 64 MiB for a moment: many sign-ins at once wait for one another."""


def hash_of(password: str) -> str:
    """The hash of a password, with its salt and its cost in it."""
    with AT_ONCE:
        return HASHER.hash(password)


def fits(password: str, password_hash: str | None) -> bool:
    """Whether a password is the hashed one; without a hash it takes as long, and is not."""
    with AT_ONCE:
        try:
            return HASHER.verify(password_hash or _nobodys(), password) and bool(password_hash)
        except (exceptions.VerificationError, exceptions.InvalidHashError):
            return False


def new_password() -> str:
    """A password that nobody guesses, of 16 characters."""
    return token_urlsafe(12)


@cache
def _nobodys() -> str:
    return HASHER.hash(token_urlsafe())
