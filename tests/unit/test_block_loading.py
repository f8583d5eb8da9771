"""A block is read again by one thread; nobody else waits for it who has a client."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from blocks import loading
from blocks.business_platform import BusinessPlatform

WAIT_SECONDS = 10


@pytest.fixture(autouse=True)
def nothing_held():
    loading.forget_clients()
    yield
    loading.forget_clients()


class Reader:
    """Stands where Prefect is asked: counts, and keeps who asks waiting while it is closed."""

    def __init__(self, monkeypatch):
        self.asked, self.is_asked, self.open = 0, threading.Event(), threading.Event()
        self.open.set()
        monkeypatch.setattr(loading, "_load", self)

    def __call__(self, _kind):
        self.asked += 1
        self.is_asked.set()
        assert self.open.wait(WAIT_SECONDS)
        return BusinessPlatform(url="http://127.0.0.1:9", token="t")


def test_who_has_a_client_does_not_wait_while_the_block_is_read_again(monkeypatch):
    reader = Reader(monkeypatch)
    first = loading.business_platform()
    monkeypatch.setattr(loading, "CACHE_SECONDS", -1)
    reader.open.clear(), reader.is_asked.clear()
    with ThreadPoolExecutor() as threads:
        slow = threads.submit(loading.business_platform)
        assert reader.is_asked.wait(WAIT_SECONDS)
        assert loading.business_platform() is first
        reader.open.set()
        assert slow.result(WAIT_SECONDS) is first
    assert reader.asked == 2


def test_who_comes_first_reads_for_all_who_wait(monkeypatch):
    reader = Reader(monkeypatch)
    reader.open.clear()
    with ThreadPoolExecutor() as threads:
        clients = [threads.submit(loading.business_platform) for _ in range(4)]
        assert reader.is_asked.wait(WAIT_SECONDS)
        reader.open.set()
        assert len({id(each.result(WAIT_SECONDS)) for each in clients}) == 1
    assert reader.asked == 1
