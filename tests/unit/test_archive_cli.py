"""`ordercast archive`, over a real directory and a real index."""

import gzip
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest
import typer
from sqlmodel import SQLModel
from typer.testing import CliRunner

from ordercast.archive.file_archive import FileArchive
from ordercast.archive.naming import object_key, results_key
from ordercast.archive.objects import EvidenceObject
from ordercast.cli import archive as commands
from ordercast.domain.errors import NotFound
from ordercast.store import archive as index
from ordercast.store import results
from ordercast.store.archive import ArchiveFilter
from ordercast.store.engine import Database
from ordercast.store.tables import ArchiveEntry, OrderOutcome, ResultManifest, ServiceOrder

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
FIRST, SECOND = "ord-20261122-aaaaaa", "ord-20261122-bbbbbb"


class Shelf:
    """An archive in a directory with its index, and the commands that read them."""

    def __init__(self, home: Path) -> None:
        self.archive = FileArchive(home / "archive")
        self.database = Database(f"sqlite:///{home / 'test.db'}")
        SQLModel.metadata.create_all(self.database.engine)

    def keep(self, order_no: str, version: int = 1, *, tags: tuple[str, ...] = ("iot",)) -> None:
        document = {"order_no": order_no, "version": version, "title": "开通 [物联网] 卡"}
        text = json.dumps(document, ensure_ascii=False)
        body = gzip.compress(text.encode(), mtime=0)
        digest = sha256(body).hexdigest()
        key = object_key(order_no, version)
        self.archive.put(EvidenceObject("ordercast-iot", key, body, digest, tags))
        entry = ArchiveEntry(
            order_no=order_no,
            version=version,
            bucket="ordercast-iot",
            key=key,
            sha256=digest,
            size_bytes=len(body),
            archived_at=NOON + timedelta(hours=version),
        )
        with self.database.write() as session:
            index.record(session, entry, tags)
            session.merge(_order(order_no))
            session.add(_outcome(order_no, version))

    def keep_results(self, order_no: str) -> None:
        body = gzip.compress(b'{"line_no":1}', mtime=0)
        key, digest = results_key(order_no, 1), sha256(body).hexdigest()
        self.archive.put(EvidenceObject("ordercast-iot", key, body, digest, ("iot",)))
        place = {"bucket": "ordercast-iot", "key": key, "sha256": digest}
        made = ResultManifest(
            order_no=order_no, version=1, **place, size_bytes=len(body), line_count=1
        )
        with self.database.write() as session:
            results.record(session, made)

    def path(self, order_no: str, version: int = 1) -> Path:
        return self.archive.directory / "ordercast-iot" / object_key(order_no, version)


def _order(order_no: str) -> ServiceOrder:
    return ServiceOrder(
        order_no=order_no,
        agent="agent-x",
        content_sha256="",
        message_id="msg-1",
        title="开通 [物联网] 卡",
        state="completed",
        ordered_at=NOON,
    )


def _outcome(order_no: str, version: int) -> OrderOutcome:
    return OrderOutcome(
        order_no=order_no,
        version=version,
        state="failed" if version == 1 else "completed",
        sealed_at=NOON,
        primary_tag="iot",
        evidence=b"",
    )


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shelf]:
    made = Shelf(tmp_path)
    monkeypatch.setattr(commands, "database", lambda: made.database)
    monkeypatch.setattr(commands, "default_archive", lambda: made.archive)
    monkeypatch.setenv("COLUMNS", "200")
    yield made
    made.database.engine.dispose()


def run(*arguments: str) -> tuple[int, str, str]:
    answer = CliRunner().invoke(commands.app, arguments)
    if answer.exception is not None and not isinstance(answer.exception, SystemExit):
        raise answer.exception
    return answer.exit_code, answer.stdout, answer.stderr


def test_find_lists_orders_by_tag_with_title_and_place(shelf: Shelf) -> None:
    shelf.keep(FIRST, tags=("iot", "agent:x"))
    shelf.keep(SECOND)
    code, out, _ = run("find", "--tag", "iot", "--tag", "agent:x")
    assert code == 0
    assert FIRST in out
    assert SECOND not in out
    assert "开通 [物联网] 卡" in out
    assert f"ordercast-iot/2026/11/22/{FIRST}/v1.json.gz" in out
    assert "1 of 1" in out


def test_find_gives_json_to_programs(shelf: Shelf) -> None:
    shelf.keep(FIRST)
    shelf.keep(FIRST, 2)
    code, out, _ = run("find", "--since", "2026-11-22T14:00", "--until", "2026-11-23", "--json")
    [found] = json.loads(out)
    assert code == 0
    assert (found["order_no"], found["version"], found["tags"]) == (FIRST, 2, ["iot"])
    assert found["archived_at"] == "2026-11-22T14:00:00+00:00"


def test_find_shows_the_state_that_each_version_was_sealed_in(shelf: Shelf) -> None:
    shelf.keep(FIRST)
    shelf.keep(FIRST, 2)
    _, out, _ = run("find", "--json")
    states = {each["version"]: each["state"] for each in json.loads(out)}
    assert states == {1: "failed", 2: "completed"}


def test_show_tells_where_the_evidence_lies_and_that_a_directory_locks_nothing(
    shelf: Shelf,
) -> None:
    shelf.keep(FIRST)
    code, out, _ = run("show", FIRST)
    assert code == 0
    assert f"ordercast-iot/2026/11/22/{FIRST}/v1.json.gz" in out
    assert "not locked" in out
    shelf.path(FIRST).unlink()
    code, _, error = run("show", FIRST)
    assert code == 1
    assert "missing" in error


def test_get_prints_the_latest_version_as_readable_json(shelf: Shelf) -> None:
    shelf.keep(FIRST)
    shelf.keep(FIRST, 2)
    code, out, _ = run("get", FIRST)
    assert code == 0
    assert json.loads(out)["version"] == 2
    assert '\n  "title": "开通 [物联网] 卡"' in out


def test_get_writes_a_version_to_a_file_as_it_is_kept(shelf: Shelf, tmp_path: Path) -> None:
    shelf.keep(FIRST)
    shelf.keep(FIRST, 2)
    code, out, _ = run("get", FIRST, "--version", "1", "--raw", "--out", str(tmp_path / "e.gz"))
    assert (code, out) == (0, "")
    assert (tmp_path / "e.gz").read_bytes() == shelf.path(FIRST).read_bytes()


def test_get_says_where_it_cannot_write(shelf: Shelf, tmp_path: Path) -> None:
    shelf.keep(FIRST)
    code, _, error = run("get", FIRST, "--out", str(tmp_path / "nowhere" / "e.json"))
    assert code == 2
    assert "cannot write" in error


def test_get_leaves_a_file_as_it_is_when_the_evidence_is_missing(
    shelf: Shelf, tmp_path: Path
) -> None:
    shelf.keep(FIRST)
    shelf.path(FIRST).unlink()
    (tmp_path / "e.json").write_text("kept")
    with pytest.raises(NotFound):
        run("get", FIRST, "--out", str(tmp_path / "e.json"))
    assert (tmp_path / "e.json").read_text() == "kept"


def test_get_gives_altered_evidence_but_says_so_and_fails(shelf: Shelf) -> None:
    shelf.keep(FIRST)
    shelf.path(FIRST).write_bytes(gzip.compress(b'{"forged": true}'))
    code, out, error = run("get", FIRST)
    assert code == 1
    assert json.loads(out) == {"forged": True}
    assert "was altered" in " ".join(error.split())


def test_get_says_that_cut_off_evidence_was_cut_off(shelf: Shelf) -> None:
    shelf.keep(FIRST)
    shelf.path(FIRST).write_bytes(shelf.path(FIRST).read_bytes()[:-9])
    code, _, error = run("get", FIRST)
    assert code == 1
    assert "ends before its end" in " ".join(error.split())


def test_get_does_not_read_what_is_no_compressed_json(shelf: Shelf) -> None:
    shelf.keep(FIRST)
    shelf.path(FIRST).write_bytes(b"torn")
    code, out, error = run("get", FIRST)
    assert (code, out) == (1, "")
    assert "--raw" in error


def test_verify_counts_what_is_whole(shelf: Shelf) -> None:
    for version in (1, 2, 3):
        shelf.keep(FIRST, version)
    assert run("verify")[:2] == (0, "3 checked, 0 faulty\n")


def test_verify_names_what_is_missing_or_altered_and_fails(shelf: Shelf) -> None:
    shelf.keep(FIRST)
    shelf.keep(SECOND)
    shelf.keep("ord-20261122-cccccc")
    shelf.path(FIRST).unlink()
    shelf.path(SECOND).write_bytes(b"torn")
    code, out, _ = run("verify")
    assert code == 1
    assert "missing" in out
    assert "altered" in out
    assert "ord-20261122-cccccc" not in out
    assert out.endswith("3 checked, 2 faulty\n")


def test_verify_looks_at_result_manifests_too(shelf: Shelf) -> None:
    shelf.keep(FIRST)
    shelf.keep_results(FIRST)
    assert run("verify")[:2] == (0, "1 checked, 0 faulty\n")
    path = shelf.archive.directory / "ordercast-iot" / results_key(FIRST, 1)
    path.write_bytes(b"torn")
    code, out, _ = run("verify")
    assert code == 1
    assert "result manifest: altered" in out
    path.unlink()
    assert "result manifest: missing" in run("verify")[1]


def test_verify_checks_only_what_it_is_asked_to(shelf: Shelf) -> None:
    shelf.keep(FIRST, tags=("iot",))
    shelf.keep(SECOND, tags=("voice",))
    shelf.path(FIRST).unlink()
    assert run("verify", "--tag", "voice")[:2] == (0, "1 checked, 0 faulty\n")
    assert run("verify", "--since", "2026-11-23")[:2] == (0, "0 checked, 0 faulty\n")


def test_every_entry_is_verified_once_whatever_the_page(shelf: Shelf) -> None:
    for version in range(1, 8):
        shelf.keep(FIRST, version)
    for page in (1, 2, 7, 100):
        found = commands.entries(shelf.database, ArchiveFilter(), page=page)
        assert [entry.version for entry in found] == list(range(1, 8))


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("2026-11-22", datetime(2026, 11, 22, tzinfo=UTC)),
        ("2026-11-22T08:30", datetime(2026, 11, 22, 8, 30, tzinfo=UTC)),
        ("2026-11-22T08:30+08:00", datetime(2026, 11, 22, 0, 30, tzinfo=UTC)),
    ],
)
def test_a_time_is_utc_unless_it_says_otherwise(text: str, meant: datetime) -> None:
    assert commands.moment(text) == meant


@pytest.mark.parametrize(("text", "hours"), [("90m", 1.5), ("24h", 24), ("7d", 168), ("2w", 336)])
def test_a_time_may_be_said_as_how_long_ago(text: str, hours: float) -> None:
    ago = datetime.now(UTC) - commands.moment(text)
    assert abs(ago - timedelta(hours=hours)) < timedelta(minutes=1)


@pytest.mark.parametrize("text", ["yesterday", "7x", "", "2026-13-01"])
def test_what_is_no_time_is_told_with_what_to_write(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="how long ago"):
        commands.moment(text)
