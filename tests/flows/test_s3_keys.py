"""Keys of the archive that change while orders run: at a real S3 server and a real Prefect."""

from collections.abc import Iterator
from uuid import uuid4

import pytest

from blocks import loading
from blocks.order_archive import OrderArchive
from ordercast.domain.order import Stage
from ordercast.store.commands import CommandKind
from tests.flows.floor import Floor
from tests.flows.samples import plan_change
from tests.services.ceph import S3User
from tests.services.s3_server import S3Server

pytestmark = pytest.mark.service


def use(server: S3Server, user: S3User) -> None:
    """Give the block another key, as an operator does in the Prefect UI; nobody is told."""
    OrderArchive.from_url(server.url_of(user)).save(loading.NAME, overwrite=True)


@pytest.fixture(autouse=True)
def own_buckets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORDERCAST_ARCHIVE__BUCKET_PREFIX", f"keys-{uuid4().hex[:8]}-")


@pytest.fixture
def user_name() -> str:
    """A user of the S3 server, another for each test."""
    return f"keys-{uuid4().hex[:8]}"


@pytest.fixture
def first_key(floor: Floor, s3_server: S3Server, user_name: str) -> Iterator[S3User]:
    """The only key of a user, which the block holds and with which an order was archived."""
    user = s3_server.own.add_user(user_name)
    use(s3_server, user)
    loading.forget_clients()
    assert floor.complete(floor.submit(plan_change())).state == "completed"
    yield user
    loading.forget_clients()


def rotate(server: S3Server, name: str, old: S3User) -> S3User:
    """Withdraw a key on the server, after it has given the user another."""
    new = server.own.add_key(name)
    server.own.withdraw_key(name, old.key)
    return new


def test_an_order_is_archived_at_once_after_key_and_block_have_changed(
    floor: Floor, s3_server: S3Server, first_key: S3User, user_name: str
) -> None:
    use(s3_server, rotate(s3_server, user_name, first_key))
    order_no = floor.submit(plan_change())
    assert floor.complete(order_no).state == "completed"
    assert floor.state(order_no).name == "Completed"


def test_an_order_that_a_withdrawn_key_has_failed_is_finished_by_retry_after_mending(
    floor: Floor, s3_server: S3Server, first_key: S3User, user_name: str
) -> None:
    second = rotate(s3_server, user_name, first_key)
    order_no = floor.submit(plan_change())
    floor.complete(order_no)
    state, run = floor.state(order_no), floor.run(order_no)
    assert (state.type, state.name) == ("FAILED", "Failed")
    assert "InvalidAccessKeyId" in (run.waiting_reason or "")
    assert "`key` and `secret` in the block `order-archive`" in (run.waiting_reason or "")
    assert first_key.secret not in (run.waiting_reason or "") + (state.message or "")
    assert run.stage == Stage.SYNCED
    use(s3_server, second)
    floor.ask(order_no, CommandKind.RETRY)
    assert floor.go(order_no).state == "completed"
    assert floor.run(order_no).stage == Stage.BROADCAST
    assert floor.state(order_no).name == "Completed"


def test_a_changed_block_is_used_within_a_minute_though_nothing_was_refused(
    s3_server: S3Server, first_key: S3User, user_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = loading.order_archive()
    use(s3_server, s3_server.own.add_user(f"{user_name}-other"))
    assert loading.order_archive() is before
    later = loading.monotonic() + 61
    monkeypatch.setattr(loading, "monotonic", lambda: later)
    assert loading.order_archive() is not before
