"""`ordercast archive buckets`, over buckets that are as a test says."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from config.bucket_rules import BucketRules
from config.settings import settings
from config.tags import load_tags
from ordercast.archive.file_archive import FileArchive
from ordercast.archive.objects import BucketState, Difference
from ordercast.cli import archive_buckets as commands
from ordercast.domain.errors import PermanentFault

TAGS = """\
default: general
rules:
  - {tag: iot, primary: true, when: {channel: iot}}
buckets:
  iot: {versioning: true}
"""
MENDABLE = Difference("no versioning", "`--apply` switches it on")
LASTING = Difference("made without object lock", "make it anew", by_apply=False)


@dataclass
class Shelves:
    """Buckets with versions or without; the archive that has them."""

    versioned: set[str] = field(default_factory=set)
    there: set[str] = field(default_factory=set)
    lasting: set[str] = field(default_factory=set)
    closed: set[str] = field(default_factory=set)

    @property
    def buckets(self) -> "Shelves":
        return self

    def state(self, bucket: str, rules: BucketRules) -> BucketState:
        if bucket in self.closed:
            raise PermanentFault(f"{bucket} is closed; open it")
        if bucket not in self.there:
            return BucketState(exists=False)
        has = bucket in self.versioned
        differs = [MENDABLE] if rules.versioning and not has else []
        differs += [LASTING] if bucket in self.lasting else []
        return BucketState(True, ("versioning" if has else "no versioning",), tuple(differs))

    def apply(self, bucket: str, rules: BucketRules) -> None:
        if rules.versioning:
            self.versioned.add(bucket)


Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    (tmp_path / "tags.yaml").write_text(TAGS)
    rules = load_tags(tmp_path / "tags.yaml")
    monkeypatch.setattr(commands, "tag_rules", lambda: rules)
    monkeypatch.setenv("COLUMNS", "200")
    app = typer.Typer()
    app.command()(commands.buckets)

    def call(archive: object, *arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(commands, "default_archive", lambda: archive)
        answer = CliRunner().invoke(app, arguments)
        if answer.exception is not None and not isinstance(answer.exception, SystemExit):
            raise answer.exception
        return answer.exit_code, answer.stdout, answer.stderr

    return call


def test_each_tag_is_shown_with_its_bucket_and_what_is(run: Run) -> None:
    code, out, _ = run(Shelves(there={"ordercast-iot"}, versioned={"ordercast-iot"}))
    assert code == 0
    assert "ordercast-iot" in out
    assert "ordercast-general" in out
    assert "not there yet" in out
    assert "2 tags, 0 differ" in out


def test_what_differs_is_named_with_its_cure_and_stays_until_it_is_applied(run: Run) -> None:
    shelves = Shelves(there={"ordercast-iot"})
    code, out, _ = run(shelves)
    assert code == 1
    assert "`--apply` switches it on" in out
    assert shelves.versioned == set()
    code, out, _ = run(shelves, "--apply")
    assert code == 0
    assert "2 tags, 0 differ" in out


def test_what_cannot_be_applied_is_still_a_difference(run: Run) -> None:
    shelves = Shelves(there={"ordercast-iot"}, lasting={"ordercast-iot"})
    code, out, _ = run(shelves, "--apply", "--json")
    [iot, general] = json.loads(out)
    assert code == 1
    assert shelves.versioned == {"ordercast-iot"}
    assert [each["what"] for each in iot["differences"]] == ["made without object lock"]
    assert general["exists"] is False


def test_a_bucket_that_cannot_be_looked_at_does_not_hide_the_others(run: Run) -> None:
    code, out, _ = run(Shelves(there={"ordercast-general"}, closed={"ordercast-iot"}))
    assert code == 1
    assert "ordercast-iot is closed" in out
    assert "no versioning" in out


def test_one_tag_may_be_asked_for_and_must_be_primary(run: Run) -> None:
    code, out, _ = run(Shelves(), "--tag", "general")
    assert code == 0
    assert "ordercast-iot" not in out
    code, _, error = run(Shelves(), "--tag", "failed")
    assert code == 2
    assert "is no primary tag" in error


def test_a_directory_has_no_such_rules_and_says_who_asks_for_them(run: Run) -> None:
    directory = FileArchive(settings().home / "archive")
    code, out, error = run(directory)
    assert code == 1
    assert "for S3 servers" in out
    assert "iot" in error
    assert run(directory, "--tag", "general")[0] == 0
