"""Sealing: what holds secrets is stored encrypted with a key from the environment."""

import os
from base64 import urlsafe_b64decode
from functools import cache
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from config.settings import settings
from ordercast.domain.errors import ConfigurationError

KEY_FILE = "sealing.key"


class Sealer:
    """Encrypts with the newest key, decrypts with any of them. Source: the Fernet format."""

    def __init__(self, keys: list[str]) -> None:
        self._keys = keys
        self._fernet = MultiFernet([Fernet(key) for key in keys])

    def seal(self, plain: bytes) -> bytes:
        return self._fernet.encrypt(plain)

    def unseal(self, sealed: bytes) -> bytes:
        """The plain bytes; ConfigurationError if none of the keys fits."""
        try:
            return self._fernet.decrypt(sealed)
        except InvalidToken:
            raise ConfigurationError(
                "ORDERCAST_SEALING_KEYS",
                "none of the keys opens what is stored",
                "add the key it was sealed with to the list",
            ) from None

    def derived_keys(self, purpose: str) -> list[bytes]:
        """A key of 32 bytes for a purpose from each sealing key, the newest first (HKDF)."""
        return [_derived(key, purpose) for key in self._keys]


def _derived(key: str, purpose: str) -> bytes:
    deriving = HKDF(algorithm=SHA256(), length=32, salt=None, info=purpose.encode())
    return deriving.derive(urlsafe_b64decode(key))


def make_key(home: Path) -> None:
    """Make a sealing key in the home, readable by its owner alone, unless one is there."""
    home.mkdir(parents=True, exist_ok=True)
    try:
        handle = os.open(home / KEY_FILE, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return
    with os.fdopen(handle, "wb") as file:
        file.write(Fernet.generate_key())


@cache
def sealer() -> Sealer:
    """The sealer of this process: keys from the settings, else from the home."""
    given = settings().sealing_keys.get_secret_value()
    path = settings().home / KEY_FILE
    if not given and not path.exists():
        raise ConfigurationError(
            "ORDERCAST_SEALING_KEYS",
            f"is not set, and {path} does not exist",
            "set it, or let `ordercast up` make a key",
        )
    keys = (given or path.read_text()).split(",")
    try:
        return Sealer([key.strip() for key in keys])
    except ValueError:
        raise ConfigurationError(
            "ORDERCAST_SEALING_KEYS",
            "holds something that is not a Fernet key",
            "make one with `python -c 'from cryptography.fernet import Fernet as F; "
            "print(F.generate_key().decode())'`",
        ) from None
