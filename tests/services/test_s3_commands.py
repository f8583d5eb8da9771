"""`ordercast archive` over a real S3 server, on evidence that the archiving step has put there."""

import json
from pathlib import Path
from uuid import uuid4

import pytest
from typer.testing import CliRunner

from config.settings import settings
from config.tags import load_tags, tag_rules
from ordercast.archive.objects import Archive
from ordercast.archive.opening import open_archive
from ordercast.cli import archive as commands
from ordercast.cli import archive_buckets
from ordercast.store.engine import Database
from tasks import archive as step
from tests import orders
from tests.services.s3_server import S3Server

pytestmark = pytest.mark.service

RULES = """
buckets:
  iot:
    lock: {mode: governance, days: 2}
"""
LATER = f"{RULES}    lifecycle: [{{tag: activation, expire_days: 30}}]\n"


@pytest.fixture
def archive(
    s3_server: S3Server, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Archive:
    """An archive in buckets of the test's own, which the step and the commands use."""
    monkeypatch.setenv("ORDERCAST_ARCHIVE__BUCKET_PREFIX", f"cli-{uuid4().hex[:8]}-")
    monkeypatch.setenv("COLUMNS", "200")
    settings.cache_clear()
    opened = open_archive(s3_server.url)
    monkeypatch.setattr(step, "order_archive", lambda: opened)
    for module in (commands, archive_buckets):
        monkeypatch.setattr(module, "default_archive", lambda: opened)
    ask_for(RULES, tmp_path, monkeypatch)
    return opened


def ask_for(rules: str, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let tags.yaml have rules of buckets."""
    shipped = settings().tags.read_text(encoding="utf-8")
    (place / "tags.yaml").write_text(shipped + rules, encoding="utf-8")
    loaded = load_tags(place / "tags.yaml")
    for module in (step, archive_buckets):
        monkeypatch.setattr(module, "tag_rules", lambda: loaded)


def archived() -> str:
    """An IoT card whose evidence is archived."""
    order_no = orders.sealed(orders.order())
    assert step.archive_by_tag.fn(orders.lease(order_no))
    return order_no


def run(*arguments: str) -> tuple[int, str]:
    answer = CliRunner().invoke(commands.app, arguments)
    if answer.exception is not None and not isinstance(answer.exception, SystemExit):
        raise answer.exception
    return answer.exit_code, answer.stdout


def test_evidence_is_found_shown_read_and_verified(archive: Archive) -> None:
    order_no = archived()
    code, found = run("find", "--tag", "iot", "--json")
    assert (code, json.loads(found)[0]["state"]) == (0, "completed")
    code, got = run("get", order_no)
    assert (code, json.loads(got)["order"]["order_no"]) == (0, order_no)
    code, shown = run("show", order_no)
    assert code == 0
    assert "(governance)" in shown
    assert run("verify") == (0, "1 checked, 0 faulty\n")


def test_a_change_of_the_rules_is_shown_and_reaches_the_bucket(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archived()
    assert run("buckets", "--tag", "iot")[0] == 0
    ask_for(LATER, tmp_path, monkeypatch)
    code, shown = run("buckets", "--tag", "iot")
    assert code == 1
    assert "activation: expire after 30 days" in shown
    for arguments in (["--apply"], []):
        code, shown = run("buckets", "--tag", "iot", "--json", *arguments)
        assert code == 0
        assert "activation: expire after 30 days" in json.loads(shown)[0]["facts"][-1]


def test_a_bucket_made_without_lock_is_shown_with_the_cure_and_stays(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask_for("", tmp_path, monkeypatch)
    assert tag_rules().buckets == {}
    archived()
    ask_for(RULES, tmp_path, monkeypatch)
    code, shown = run("buckets", "--tag", "iot", "--apply", "--json")
    [difference] = json.loads(shown)[0]["differences"]
    assert code == 1
    assert "made without object lock" in difference["what"]
    assert "can only be set when a bucket is made" in difference["cure"]
