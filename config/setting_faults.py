"""A wrong setting in words: its name in the environment, what is wrong, and the cure."""

import re
from collections.abc import Sequence

from pydantic import ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import SettingsError

from ordercast.domain.errors import ConfigurationError

CURE = "mend or unset it: docs/configuration.md says what it may be"


def refusal(fault: ValidationError | SettingsError | OSError) -> ConfigurationError:
    """What reading the settings has raised, in words; values, which may be secret, are not told."""
    if isinstance(fault, ValidationError):
        first, *others = map(_wrong, fault.errors(include_input=False, include_url=False))
        return ConfigurationError(first.where, first.problem, first.cure, also=others)
    if isinstance(fault, OSError):
        cure = "let the user who runs this read it"
        return ConfigurationError(".env or ORDERCAST_SECRETS_DIR", f"{fault.strerror}", cure)
    if field := re.search(r'field "(\w+)"', str(fault)):
        name = _name([field[1]])
        return ConfigurationError(name, "is no JSON", f"unset it and set {name}__…, one by one")
    problem = "is not there, is no directory, or holds more than settings"
    return ConfigurationError("ORDERCAST_SECRETS_DIR", problem, "make it, name another or unset it")


def _wrong(fault: ErrorDetails) -> ConfigurationError:
    problem = fault["msg"].removeprefix("Input ")
    return ConfigurationError(_name(fault["loc"]), problem[:1].lower() + problem[1:], CURE)


def _name(location: Sequence[str | int]) -> str:
    return "ORDERCAST_" + "__".join(map(str, location)).upper()
