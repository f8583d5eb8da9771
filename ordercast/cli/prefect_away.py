"""A Prefect server that does not answer, told in words."""

from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from ordercast.domain.errors import TransientFault


@contextmanager
def prefect_asked() -> Iterator[None]:
    """While Prefect is asked; TransientFault, with its address, if it does not answer."""
    try:
        yield
    except httpx.TransportError as fault:
        from prefect.settings import get_current_settings  # noqa: PLC0415 (it takes its time)

        raise TransientFault(
            f"the Prefect server at {get_current_settings().api.url} does not answer:"
            f" {type(fault).__name__} {fault}; start `ordercast up`, or set"
            " ORDERCAST_PREFECT__API_URL to the address of yours"
        ) from fault
