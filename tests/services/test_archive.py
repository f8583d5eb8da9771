"""Every archive keeps the same promises, whether a directory or a real S3 server."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import pytest

from ordercast.archive.objects import Archive, EvidenceObject
from ordercast.archive.opening import open_archive
from ordercast.archive.verifying import differences
from ordercast.domain.errors import NotFound, PermanentFault
from tests.services.evidence import KEY, body_of, evidence, fresh_bucket


@dataclass(frozen=True)
class Indexed:
    """What the index would say of an object."""

    bucket: str
    key: str
    sha256: str
    size_bytes: int
    tags: tuple[str, ...]

    @classmethod
    def of(cls, kept: EvidenceObject) -> "Indexed":
        return cls(kept.bucket, kept.key, kept.sha256, len(kept.body), kept.tags)


@pytest.fixture(params=["file", pytest.param("s3", marks=pytest.mark.service)])
def archive(request: pytest.FixtureRequest, tmp_path: Path) -> Archive:
    if request.param == "s3":
        return open_archive(request.getfixturevalue("s3_server").url)
    return open_archive((tmp_path / "archive").as_uri())


def test_what_is_put_comes_back_byte_for_byte_with_its_notes(archive: Archive) -> None:
    body = bytes(range(256)) * 50
    kept = evidence(
        body,
        bucket=fresh_bucket(),
        tags=("iot", "华东 物联网", "a&b=c%20,d/é"),
        metadata={"order-no": "ord-20261122-abcdef", "title": "开通 5 张卡, 100%"},
    )
    archive.put(kept)
    assert body_of(archive, kept.bucket, kept.key) == body
    stored = archive.stat(kept.bucket, kept.key)
    assert stored is not None
    assert (stored.size_bytes, stored.sha256) == (len(body), sha256(body).hexdigest())
    assert stored.tags == kept.tags
    assert stored.metadata == kept.metadata


def test_the_same_bytes_again_are_skipped(archive: Archive) -> None:
    bucket = fresh_bucket()
    archive.put(evidence(bucket=bucket, tags=("iot",)))
    archive.put(evidence(bucket=bucket, tags=("changed",)))
    stored = archive.stat(bucket, KEY)
    assert stored is not None
    assert stored.tags == ("iot",)


def test_other_bytes_are_refused_and_the_first_ones_stay(archive: Archive) -> None:
    bucket = fresh_bucket()
    first, second = evidence(b"first", bucket=bucket), evidence(b"other", bucket=bucket)
    archive.put(first)
    with pytest.raises(PermanentFault, match="already holds other evidence") as refused:
        archive.put(second)
    assert first.sha256 in str(refused.value)
    assert second.sha256 in str(refused.value)
    assert body_of(archive, bucket, KEY) == b"first"


def test_what_was_never_put_is_not_found(archive: Archive) -> None:
    bucket = fresh_bucket()
    assert archive.stat(bucket, KEY) is None
    with pytest.raises(NotFound):
        body_of(archive, bucket, KEY)
    archive.put(evidence(bucket=bucket))
    assert archive.stat(bucket, "2026/11/22/ord-20261122-zzzzzz/v1.json.gz") is None
    with pytest.raises(NotFound):
        body_of(archive, bucket, "2026/11/22/ord-20261122-zzzzzz/v1.json.gz")


def test_many_writers_may_meet_in_a_new_bucket(archive: Archive) -> None:
    bucket = fresh_bucket("华东")
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(archive.put, [evidence(bucket=bucket)] * 8))
    assert body_of(archive, bucket, KEY) == b"evidence"


def test_more_tags_than_s3_allows_are_kept_all_the_same(archive: Archive) -> None:
    kept = evidence(bucket=fresh_bucket(), tags=tuple(f"tag:{n}!" for n in range(25)))
    archive.put(kept)
    stored = archive.stat(kept.bucket, kept.key)
    assert stored is not None
    assert stored.tags == kept.tags


def test_tags_without_end_do_not_stop_the_archive(archive: Archive) -> None:
    kept = evidence(bucket=fresh_bucket(), tags=tuple(f"标签{n}" * 20 for n in range(40)))
    archive.put(kept)
    assert differences(archive, Indexed.of(kept)) == []


def test_evidence_of_many_lines_is_kept_whole(archive: Archive) -> None:
    kept = evidence(b"0123456789abcdef" * (7 * 2**16), bucket=fresh_bucket())
    archive.put(kept)
    assert body_of(archive, kept.bucket, kept.key) == kept.body


def test_verification_finds_nothing_in_what_was_just_put(archive: Archive) -> None:
    kept = evidence(bucket=fresh_bucket())
    archive.put(kept)
    assert differences(archive, Indexed.of(kept)) == []


def test_verification_names_what_is_missing_and_what_the_index_has_otherwise(
    archive: Archive,
) -> None:
    kept = evidence(bucket=fresh_bucket())
    assert differences(archive, Indexed.of(kept)) == ["missing"]
    archive.put(kept)
    other = evidence(b"other", bucket=kept.bucket, tags=("voice",))
    altered, noted, tags = differences(archive, Indexed.of(other))
    assert altered.startswith("altered")
    assert kept.sha256 in noted
    assert "iot" in tags


def test_a_place_that_no_archive_has_is_refused(archive: Archive) -> None:
    with pytest.raises(PermanentFault):
        body_of(archive, "..", "etc/passwd")
