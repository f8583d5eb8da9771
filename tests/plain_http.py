"""HTTP without TLS, for tests that ask again and again."""

import httpx

HTTP = httpx.Client(
    timeout=30,
    trust_env=False,
    verify=False,  # noqa: S501 (to load the authorities costs more than to be answered)
    limits=httpx.Limits(max_keepalive_connections=0),  # whoever is asked may have been killed
)
