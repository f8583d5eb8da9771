"""URLs of other systems, which may hold passwords: fit to be shown."""

import re

_CREDENTIALS = re.compile(r"(?<=://)(?:([^:@/?#]*):)?[^?#]*@")


def without_password(url: str) -> str:
    """The URL with `***` for its password or token."""
    return _CREDENTIALS.sub(lambda found: f"{found[1]}:***@" if found[1] else "***@", url)
