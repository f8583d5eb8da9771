"""Links to result manifests: they open what they name until they expire, and nothing else."""

import hmac
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from urllib.parse import urlencode

from ordercast.domain.errors import Forbidden
from ordercast.store.sealing import sealer

PURPOSE = "ordercast result manifests"
ASK_ANEW = "the order itself has the results, and so has whoever was told of it"


def link(order_no: str, version: int, *, expires_at: datetime, base_url: str) -> str:
    """The URL under which the gateway at `base_url` gives a manifest until `expires_at`."""
    expires = int(expires_at.timestamp())
    newest = sealer().derived_keys(PURPOSE)[0]
    query = {"expires": expires, "signature": _signature(newest, order_no, version, expires)}
    return f"{base_url}/results/{order_no}/{version}?{urlencode(query)}"


def check(order_no: str, version: int, *, expires: int, signature: str, at: datetime) -> None:
    """Forbidden, in words, unless the link was made by one of our keys and has not expired."""
    given = signature.encode()
    keys = sealer().derived_keys(PURPOSE)
    made = [_signature(key, order_no, version, expires).encode() for key in keys]
    if not any(hmac.compare_digest(each, given) for each in made):
        raise Forbidden("the link was changed, or is not ours: use it exactly as it was told")
    if at.timestamp() >= expires:
        moment = datetime.fromtimestamp(expires, UTC)
        raise Forbidden(f"the link expired at {moment:%Y-%m-%d %H:%M:%S} UTC; {ASK_ANEW}")


def expiry(occurred_at: datetime, *, valid_days: float) -> datetime:
    """When a link expires that is told with an event, to the second."""
    return (occurred_at + timedelta(days=valid_days)).replace(microsecond=0)


def _signature(key: bytes, order_no: str, version: int, expires: int) -> str:
    signed = f"{order_no}\n{version}\n{expires}"
    return hmac.new(key, signed.encode(), sha256).hexdigest()
