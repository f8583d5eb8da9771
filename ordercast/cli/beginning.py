"""What every command does first, when there is no command yet that could tell a fault."""

from config.settings import use_prefect_server
from ordercast.domain.errors import ConfigurationError


def begin() -> None:
    """Point Prefect at our server; a wrong setting ends the process, in words and with status 1."""
    try:
        use_prefect_server()
    except ConfigurationError as fault:
        raise SystemExit(str(fault)) from None
