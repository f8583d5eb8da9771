"""What docs/channels.md has its reader run does what it says."""

import re
import subprocess
import sys
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest

from config.settings import PROJECT_DIR
from ordercast.contracts.api_key import Scope
from ordercast.store.engine import database
from ordercast.store.pushes import NewEvent, add_events
from ordercast.store.tables import ServiceOrder
from tests.gateway import gateway
from tests.keys import make_key
from tests.services.platform_server import served
from tests.waiting import wait_for

pytestmark = [pytest.mark.service, pytest.mark.usefixtures("home")]


@pytest.fixture
def program(tmp_path):
    page = (PROJECT_DIR / "docs/channels.md").read_text(encoding="utf-8")
    (source,) = re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL)
    path = tmp_path / "reader.py"
    path.write_text(source)
    return path


@contextmanager
def reading(program, url, cursor, printed):
    (program.parent / "feed.key").write_text(make_key(Scope.READ))
    key = program.parent / "feed.key"
    command = [sys.executable, str(program), f"{url}/events", str(key), str(cursor)]
    with printed.open("a") as out:
        reader = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT)
    try:
        yield
    finally:
        reader.kill()
        reader.wait(20)


def tell(order_no):
    with database().write() as session:
        order = ServiceOrder(
            order_no=order_no,
            agent="agent-x",
            content_sha256="",
            message_id="m",
            title="a SIM",
            state="completed",
            ordered_at=datetime.now(UTC),
        )
        session.add(order)
        session.flush()
        add_events(session, order, [NewEvent("order.completed", 1, {"state": "completed"})])


def test_the_reader_of_the_page_goes_on_where_it_was_after_it_was_killed(program, tmp_path):
    cursor, printed = tmp_path / "cursor.txt", tmp_path / "printed.txt"
    for number in range(150):
        tell(f"ord-{number:03}")
    with served(gateway()) as url:
        for events in (150, 151):
            with reading(program, url, cursor, printed):
                wait_for(
                    lambda at=str(events): cursor.exists() and cursor.read_text() == at,
                    what="the reader does not come to the end of the feed",
                )
            tell(f"ord-{events:03}")
    lines = [line.split()[1] for line in printed.read_text().splitlines()]
    assert lines == [f"ord-{number:03}" for number in range(151)]
