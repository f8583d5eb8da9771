"""Serving over HTTP: a service that is told to stop does stop."""

import asyncio
import threading

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from ordercast.services import http_server
from ordercast.services.http_server import serve_http
from tests.plain_http import HTTP
from tests.waiting import free_port, wait_for


async def endless(scope: Scope, receive: Receive, send: Send) -> None:
    """An application whose answers begin and do not end, whoever hangs up."""
    assert scope["type"] == "http" and receive
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"so far", "more_body": True})
    await asyncio.Event().wait()


def test_an_answer_without_an_end_is_cut_off_when_the_service_stops(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(http_server, "GRACE_SECONDS", 1)
    port, stop = free_port(), threading.Event()
    where = {"host": "127.0.0.1", "port": port, "stop": stop}
    serving = threading.Thread(target=serve_http, args=(endless,), kwargs=where, daemon=True)
    serving.start()
    wait_for(lambda: answers(port), what="nothing is served")
    with HTTP.stream("GET", f"http://127.0.0.1:{port}/") as answer:
        assert next(answer.iter_raw()) == b"so far"
        stop.set()
        serving.join(30)
    assert not serving.is_alive()


def answers(port: int) -> bool:
    try:
        with HTTP.stream("GET", f"http://127.0.0.1:{port}/") as answer:
            return answer.status_code == 200
    except httpx.HTTPError:
        return False
