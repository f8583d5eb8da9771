"""The client of the business platform: puts sealed outcomes, and says in words what failed."""

import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx
from pydantic import BaseModel, TypeAdapter, ValidationError
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    stop_after_attempt,
    stop_before_delay,
    wait_exponential_jitter,
)

from blocks.platform_address import parse_address, parse_token, spellings
from blocks.platform_words import in_words, retry_after_seconds, words_of
from ordercast.contracts.outcome import Outcome
from ordercast.domain.errors import PermanentFault, TransientFault
from ordercast.domain.masking import MASKED


class _Held(BaseModel):
    version: int
    sha256: str


_HELD = TypeAdapter(list[_Held])
LARGEST_ANSWER_BYTES = 64 * 1024
PASSING_STATUSES = frozenset({408, 429})  # 5xx too
SHORTEST_TRY_SECONDS = 0.05


@dataclass(frozen=True)
class PlatformAnswer:
    """What the platform answered when it took an order; the text is cut at 64 kB."""

    status: int
    text: str


class PlatformRefused(PermanentFault):
    """The platform said no; with status 401 or 403 the token may have changed: load it anew."""

    def __init__(self, message: str, status: int) -> None:
        self.status = status
        super().__init__(message)


@dataclass(frozen=True)
class Patience:
    """How long one call goes on trying: at most `tries`, and `total_seconds` in all.

    The waits between double from the first to the longest, with jitter up to the first.
    """

    tries: int = 3
    total_seconds: float = 20
    first_wait_seconds: float = 0.5
    longest_wait_seconds: float = 4


class _Passing(Exception):
    """One try that failed for a reason that may pass."""

    def __init__(self, reason: str, retry_after_seconds: float = 0) -> None:
        self.retry_after_seconds = retry_after_seconds
        super().__init__(reason)


class PlatformClient:
    """Puts outcomes on the business platform; one client serves any number of threads."""

    def __init__(
        self,
        url: str,
        token: str = "",
        *,
        timeout_seconds: float = 10,
        patience: Patience | None = None,
    ) -> None:
        self._address, self._token = parse_address(url), parse_token(token)
        self._timeout_seconds = timeout_seconds
        self._patience = patience or Patience()
        authorization = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        self._http = httpx.Client(
            headers={"User-Agent": "ordercast", **authorization},
            trust_env=not self._address.is_loopback,  # no proxy stands between us and ourselves
        )

    def put_order(self, outcome: Outcome) -> PlatformAnswer:
        """Put one version of an order, under the idempotency key `order_no:version`.

        TransientFault after the last try of what may pass by itself: 5xx, 429 and 408,
        timeouts, connections refused or broken. PlatformRefused, a PermanentFault, at once on
        any other refusal, in the platform's words.
        """
        request = self._http.build_request(
            "PUT",
            f"{self._address.base}/orders/{quote(outcome.order_no, safe='')}",
            content=outcome.model_dump_json().encode(),
            headers={
                "Content-Type": "application/json",
                "Accept": "application/json",
                "Idempotency-Key": f"{outcome.order_no}:{outcome.version}",
            },
        )
        order = f"order {outcome.order_no} version {outcome.version}"
        return self._insist(request, order=order)

    def versions(self, order_no: str) -> dict[int, str]:
        """The SHA-256 of each version of an order that the platform holds, by number.

        Empty if it does not know the order. Faults as with `put_order`; PlatformRefused also
        where what it answers is not such a list.
        """
        url = f"{self._address.base}/orders/{quote(order_no, safe='')}/versions"
        request = self._http.build_request("GET", url, headers={"Accept": "application/json"})
        try:
            answer = self._insist(request, order=f"the question for {order_no}")
        except PlatformRefused as refused:
            if refused.status == httpx.codes.NOT_FOUND:
                return {}
            raise
        try:
            held = _HELD.validate_json(answer.text)
        except ValidationError:
            what = f"{self._address.host} did not answer {url} with its versions"
            raise PlatformRefused(what, answer.status) from None
        return {each.version: each.sha256 for each in held}

    def close(self) -> None:
        """Close the connections; the client is of no use afterwards."""
        self._http.close()

    def _insist(self, request: httpx.Request, *, order: str) -> PlatformAnswer:
        started = time.monotonic()
        deadline = started + self._patience.total_seconds
        retrying = Retrying(
            retry=retry_if_exception_type(_Passing),
            stop=stop_after_attempt(self._patience.tries)
            | stop_before_delay(self._patience.total_seconds),
            wait=self._wait_seconds,
            reraise=True,
        )
        try:
            answer = retrying(self._try, request, deadline=deadline)
        except _Passing as fault:
            tries, seconds = retrying.statistics["attempt_number"], time.monotonic() - started
            raise TransientFault(
                f"{self._address.host} did not take {order}: {fault} "
                f"({'once' if tries == 1 else f'{tries} times'} in {seconds:.1f} s)"
            ) from fault
        return self._accepted(answer, order=order)

    def _wait_seconds(self, state: RetryCallState) -> float:
        first, longest = self._patience.first_wait_seconds, self._patience.longest_wait_seconds
        grown = wait_exponential_jitter(multiplier=first, max=longest, jitter=first)(state)
        fault = state.outcome.exception() if state.outcome else None
        asked = fault.retry_after_seconds if isinstance(fault, _Passing) else 0
        return max(grown, asked)

    def _try(self, request: httpx.Request, *, deadline: float) -> PlatformAnswer:
        left = max(deadline - time.monotonic(), SHORTEST_TRY_SECONDS)
        timeout_seconds = min(self._timeout_seconds, left)
        until = time.monotonic() + timeout_seconds
        request.extensions |= _bounded_by(until)
        try:
            answer, headers = self._exchange(request, until=until)
        except (httpx.UnsupportedProtocol, httpx.LocalProtocolError) as error:
            reason = f"{self._address.host}: the order cannot be sent: {error}"
            raise PermanentFault(self._plain(reason)) from None
        except httpx.RequestError as error:
            raise _Passing(self._plain(in_words(error, timeout_seconds))) from error
        if answer.status >= 500 or answer.status in PASSING_STATUSES:
            raise self._passing(answer, headers)
        return answer

    def _exchange(
        self, request: httpx.Request, *, until: float
    ) -> tuple[PlatformAnswer, httpx.Headers]:
        """One request and its answer, read until the time is up or there is enough of it."""
        response = self._http.send(request, stream=True)
        body = bytearray()
        try:
            for chunk in response.iter_bytes():
                body += chunk
                if time.monotonic() > until:
                    raise httpx.ReadTimeout("the answer trickles", request=request)
                if len(body) >= LARGEST_ANSWER_BYTES:
                    break
        finally:
            response.close()
        text = bytes(body[:LARGEST_ANSWER_BYTES]).decode(response.encoding or "utf-8", "replace")
        return PlatformAnswer(response.status_code, self._plain(text)), response.headers

    def _passing(self, answer: PlatformAnswer, headers: httpx.Headers) -> _Passing:
        reason = f"it answered {answer.status}: {self._plain(words_of(answer.text))}"
        asked = retry_after_seconds(headers.get("Retry-After", ""))
        if asked:
            reason += f"; it asks to wait {asked:.0f} s"
        return _Passing(reason, asked)

    def _accepted(self, answer: PlatformAnswer, *, order: str) -> PlatformAnswer:
        if 200 <= answer.status < 300:
            return answer
        words = self._plain(words_of(answer.text))
        raise PlatformRefused(
            f"{self._address.host} refused {order} with {answer.status}: {words}", answer.status
        )

    def _plain(self, text: str) -> str:
        """The text without NUL, and without our token, should it quote it."""
        for shape in spellings(self._token):
            text = text.replace(shape, MASKED)
        return text.replace("\x00", "")


def _bounded_by(until: float) -> dict[str, Any]:
    """Extensions of a request by which connecting, sending and reading share one time limit."""
    timeouts: dict[str, float] = {}

    def renew(_event: str = "", _info: Any = None) -> None:
        left = max(until - time.monotonic(), SHORTEST_TRY_SECONDS)
        timeouts.update(connect=left, pool=left, write=left, read=left)

    renew()
    return {"timeout": timeouts, "trace": renew}
