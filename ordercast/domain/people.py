"""The people of the desk: their roles, names and passwords, and the pause after wrong tries."""

import re
import unicodedata
from datetime import timedelta
from enum import StrEnum

from ordercast.domain.errors import InvalidMessage, Problem
from ordercast.domain.said import Said

_NAME = re.compile(r"[\w.@+-]{1,64}")
SHORTEST_PASSWORD = 10
LONGEST_PASSWORD = 1000

FREE_TRIES = 5
FIRST_PAUSE = timedelta(seconds=10)
LONGEST_PAUSE = timedelta(minutes=15)


class Role(StrEnum):
    """What somebody may do at the desk; each role may do what those before it may."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"

    def may(self, needed: "Role") -> bool:
        ranks = list(Role)
        return ranks.index(self) >= ranks.index(needed)


def user_name(written: str) -> str:
    """A user's name in the one form that it is kept in; InvalidMessage if it cannot be one."""
    name = unicodedata.normalize("NFKC", written).strip().casefold()
    if not _NAME.fullmatch(name):
        cure = Said("use 1 to 64 letters, digits and . _ @ + - without spaces")
        raise InvalidMessage([Problem("name", "cannot be a user's name", cure)])
    return name


def check_password(password: str) -> None:
    """InvalidMessage if a password is too short, or too long to be one."""
    if len(password) < SHORTEST_PASSWORD:
        cure = Said("use at least {n} characters", n=SHORTEST_PASSWORD)
        raise InvalidMessage([Problem("password", "is too short", cure)])
    if len(password) > LONGEST_PASSWORD:
        cure = Said("use at most {n} characters", n=LONGEST_PASSWORD)
        raise InvalidMessage([Problem("password", "is too long", cure)])


def pause_after(wrong_tries: int) -> timedelta:
    """How long nobody may sign in under a name after so many wrong tries in a row."""
    beyond = wrong_tries - FREE_TRIES
    if beyond < 0:
        return timedelta()
    return min(FIRST_PAUSE * 2 ** min(beyond, 20), LONGEST_PAUSE)
