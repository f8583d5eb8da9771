"""The archive in a directory: crashes, full disks, closed doors."""

import os
import resource
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import pytest

from ordercast.archive.file_archive import FileArchive
from ordercast.archive.objects import EvidenceObject
from ordercast.archive.patient_archive import PatientArchive
from ordercast.domain.errors import NotFound, PermanentFault, TransientFault

BODY = b"evidence" * 100
NOBODY = 65534


def evidence(body: bytes = BODY) -> EvidenceObject:
    return EvidenceObject(
        "ordercast-iot", "2026/v1.json.gz", body, sha256(body).hexdigest(), tags=("iot",)
    )


@pytest.fixture
def archive(tmp_path: Path) -> FileArchive:
    return FileArchive(tmp_path / "archive")


def object_path(archive: FileArchive) -> Path:
    return archive.directory / "ordercast-iot" / "2026" / "v1.json.gz"


def notes_path(archive: FileArchive) -> Path:
    return archive.directory / "ordercast-iot" / "2026" / "v1.json.gz.notes.json"


@pytest.fixture
def closed_directory() -> Iterator[Path]:
    """A directory that everybody may read and nobody may write."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o555)
        yield Path(name)


@contextmanager
def files_no_longer_than(size_bytes: int) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@contextmanager
def as_nobody() -> Iterator[None]:
    """Act on files without the rights of root, where the tests run as root."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


def test_an_object_lies_at_bucket_and_key_beside_its_notes(archive: FileArchive) -> None:
    archive.put(evidence())
    directory = object_path(archive).parent
    assert sorted(path.name for path in directory.iterdir()) == [
        "v1.json.gz",
        "v1.json.gz.notes.json",
    ]


def test_a_crash_before_the_notes_is_mended_by_the_next_put(archive: FileArchive) -> None:
    archive.put(evidence())
    notes_path(archive).unlink()
    stored = archive.stat("ordercast-iot", "2026/v1.json.gz")
    assert stored is not None
    assert stored.sha256 is None
    archive.put(evidence())
    assert archive.stat("ordercast-iot", "2026/v1.json.gz") != stored


def test_notes_that_cannot_be_read_are_mended_by_the_next_put(archive: FileArchive) -> None:
    archive.put(evidence())
    notes = notes_path(archive).read_bytes()
    notes_path(archive).write_bytes(notes[:20])
    archive.put(evidence())
    assert notes_path(archive).read_bytes() == notes


def test_notes_without_their_object_are_mended_by_the_next_put(archive: FileArchive) -> None:
    archive.put(evidence())
    object_path(archive).unlink()
    assert archive.stat("ordercast-iot", "2026/v1.json.gz") is None
    archive.put(evidence())
    assert object_path(archive).read_bytes() == BODY


def test_an_object_without_notes_is_not_written_over_by_other_bytes(archive: FileArchive) -> None:
    archive.put(evidence())
    notes_path(archive).unlink()
    with pytest.raises(PermanentFault, match="already holds other evidence"):
        archive.put(evidence(BODY[::-1]))
    assert object_path(archive).read_bytes() == BODY


def test_a_disk_that_takes_no_more_is_a_transient_fault_and_leaves_nothing_half(
    archive: FileArchive,
) -> None:
    with files_no_longer_than(100), pytest.raises(TransientFault, match="cannot use"):
        archive.put(evidence())
    assert list(object_path(archive).parent.iterdir()) == []
    archive.put(evidence())
    assert object_path(archive).read_bytes() == BODY


def test_a_directory_that_may_not_be_written_is_a_permanent_fault_with_its_cure(
    closed_directory: Path,
) -> None:
    with as_nobody(), pytest.raises(PermanentFault, match="let the user that Ordercast runs as"):
        FileArchive(closed_directory).put(evidence())


def test_a_file_in_the_place_of_a_directory_is_a_permanent_fault(archive: FileArchive) -> None:
    archive.directory.write_text("in the way")
    with pytest.raises(PermanentFault, match="a file stands where a directory should"):
        archive.put(evidence())


@pytest.mark.parametrize("key", ["../../secrets", "a/../../b", "/etc/passwd"])
def test_no_key_leads_out_of_the_archive(archive: FileArchive, key: str) -> None:
    with pytest.raises(PermanentFault, match="leads out of the archive"):
        list(archive.read("ordercast-iot", key))


def test_evidence_whose_checksum_is_not_its_own_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="another SHA-256"):
        EvidenceObject("b", "k", b"body", "0" * 64)


class Unsteady(FileArchive):
    """A directory whose first puts fail as a network does."""

    def __init__(self, directory: Path, *, faults: int) -> None:
        super().__init__(directory)
        self.faults, self.tries = faults, 0

    def put(self, evidence: EvidenceObject) -> None:
        self.tries += 1
        if self.tries <= self.faults:
            raise TransientFault("connection refused")
        super().put(evidence)


@pytest.mark.parametrize("faults", [0, 1, 2])
def test_a_patient_archive_gets_over_faults_that_pass(tmp_path: Path, faults: int) -> None:
    unsteady = Unsteady(tmp_path, faults=faults)
    PatientArchive(unsteady, first_wait_seconds=0.001).put(evidence())
    assert unsteady.tries == faults + 1
    assert b"".join(unsteady.read("ordercast-iot", "2026/v1.json.gz")) == BODY


def test_a_patient_archive_gives_up_after_three_tries(tmp_path: Path) -> None:
    unsteady = Unsteady(tmp_path, faults=9)
    with pytest.raises(TransientFault, match="connection refused"):
        PatientArchive(unsteady, first_wait_seconds=0.001).put(evidence())
    assert unsteady.tries == 3


def test_a_patient_archive_does_not_try_a_permanent_fault_again(tmp_path: Path) -> None:
    unsteady = Unsteady(tmp_path, faults=0)
    unsteady.put(evidence())
    with pytest.raises(PermanentFault):
        PatientArchive(unsteady, first_wait_seconds=0.001).put(evidence(b"other"))
    assert unsteady.tries == 2


class Breaking(FileArchive):
    """A directory that breaks off each of the first reads, as a network does, after some bytes."""

    def __init__(self, directory: Path, *, faults: int) -> None:
        super().__init__(directory)
        self.faults, self.offsets = faults, []

    def read(self, bucket: str, key: str, *, offset: int = 0) -> Iterator[bytes]:
        self.offsets.append(offset)
        (whole,) = super().read(bucket, key, offset=offset)
        if len(self.offsets) > self.faults:
            yield whole
            return
        yield whole[:2]
        raise TransientFault("connection broken")


def test_a_read_that_breaks_off_goes_on_where_it_was(tmp_path: Path) -> None:
    breaking = Breaking(tmp_path, faults=3)
    breaking.put(evidence())
    patient = PatientArchive(breaking, first_wait_seconds=0.001)
    assert b"".join(patient.read("ordercast-iot", "2026/v1.json.gz")) == BODY
    assert breaking.offsets == [0, 2, 4, 6]


def test_what_is_not_there_is_not_read_again(tmp_path: Path) -> None:
    breaking = Breaking(tmp_path, faults=0)
    with pytest.raises(NotFound):
        list(PatientArchive(breaking).read("ordercast-iot", "nowhere"))
    assert breaking.offsets == [0]
