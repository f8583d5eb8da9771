"""What docs/middleware.md has its reader run does what it says."""

import json
import re
import subprocess
import sys

import pytest

from config.settings import PROJECT_DIR, settings
from ordercast.store.inbox import MessageOutcome
from tests.services.listening import listening, messages, the_only_order, wait_for_orders
from tests.waiting import wait_for

pytestmark = [pytest.mark.service, pytest.mark.usefixtures("home")]

ORDER = PROJECT_DIR / "examples" / "iot-plan-change.json"
DEAD_LETTERS = "ordercast.dead-letters"
DEFAULT_QUEUES = ("ordercast.orders", "ordercast.reports", DEAD_LETTERS)


@pytest.fixture
def broker(rabbit_node, monkeypatch):
    """A broker with the queues that the page names."""
    monkeypatch.setenv("ORDERCAST_BROKER__URL", rabbit_node.url)
    monkeypatch.setenv("ORDERCAST_BROKER__RECONNECT_SECONDS", "0.2")
    settings.cache_clear()
    rabbit_node.declare("ordercast.orders")
    yield rabbit_node
    rabbit_node.delete(*DEFAULT_QUEUES)


@pytest.fixture
def programs(tmp_path):
    """The programs of the page: one sends an order, the other sends dead letters again."""
    page = (PROJECT_DIR / "docs/middleware.md").read_text(encoding="utf-8")
    sources = re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL)
    paths = [tmp_path / f"program-{place}.py" for place, _ in enumerate(sources)]
    for path, source in zip(paths, sources, strict=True):
        path.write_text(source)
    return paths


def run(program, *arguments):
    command = [sys.executable, str(program), *arguments]
    done = subprocess.run(command, capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


def test_the_sender_of_the_page_gets_the_number_of_its_order(broker, programs):
    with listening():
        printed = run(programs[0], broker.url, str(ORDER))
        wait_for_orders(1)
    assert json.loads(printed)["orders"] == [{"id": the_only_order().order_no, "isNew": True}]


def test_dead_letters_that_are_sent_again_are_judged_again(broker, programs):
    def refused(number):
        wait_for(
            lambda: broker.has(DEAD_LETTERS) and broker.count(DEAD_LETTERS)[0] == 1,
            what="no dead letter",
        )
        assert len(messages(MessageOutcome.REFUSED)) == number

    with listening():
        broker.send("ordercast.orders", b"not json", message_id="m-1", headers={"trace": "t"})
        refused(1)
        run(programs[1], broker.url)
        wait_for(lambda: len(messages(MessageOutcome.REFUSED)) == 2, what="not sent again")
        refused(2)
    (letter,) = broker.take(DEAD_LETTERS)
    assert (letter.body, letter.message_id) == (b"not json", "m-1")
    assert letter.headers["trace"] == "t"
