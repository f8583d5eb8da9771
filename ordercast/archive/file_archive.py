"""The archive as a directory: `bucket/key`, and what is known of an object beside it."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from pydantic import BaseModel, ValidationError

from ordercast.archive.durable import make_directories, write_whole
from ordercast.archive.objects import PIECE_BYTES, EvidenceObject, StoredObject, is_kept
from ordercast.domain.errors import NotFound, OrdercastError, PermanentFault, TransientFault

NEEDS_A_PERSON = {
    errno.EACCES: "let the user that Ordercast runs as write there",
    errno.EPERM: "let the user that Ordercast runs as write there",
    errno.EROFS: "mount it for writing",
    errno.ENOTDIR: "a file stands where a directory should: move it away",
    errno.EISDIR: "a directory stands where a file should: move it away",
    errno.ENAMETOOLONG: "choose a shorter directory or tag",
    errno.ELOOP: "mend the symbolic links that lead in a circle",
}


class Notes(BaseModel):
    """The file `<key>.notes.json` beside an object."""

    sha256: str
    tags: tuple[str, ...]
    metadata: dict[str, str]


class FileArchive:
    """Evidence in a directory, which it makes when it is not there.

    An object is written before its notes, both in one step each, so that after a crash there
    is a whole object at least; the next `put` adds the notes.
    """

    buckets = None

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def put(self, evidence: EvidenceObject) -> None:
        path = self._path(evidence.bucket, evidence.key)
        notes = Notes(sha256=evidence.sha256, tags=evidence.tags, metadata=dict(evidence.metadata))
        if is_kept(self, evidence):
            return
        with _told_as_faults(path):
            make_directories(path.parent)
            write_whole(path, evidence.body)
            write_whole(_notes_path(path), notes.model_dump_json(indent=2).encode())

    def read(self, bucket: str, key: str, *, offset: int = 0) -> Iterator[bytes]:
        path = self._path(bucket, key)
        with _told_as_faults(path):
            try:
                file = path.open("rb")
            except FileNotFoundError:
                raise NotFound("evidence object", f"{bucket}/{key}") from None
            with file:
                file.seek(offset)
                while piece := file.read(PIECE_BYTES):
                    yield piece

    def stat(self, bucket: str, key: str) -> StoredObject | None:
        path = self._path(bucket, key)
        with _told_as_faults(path):
            try:
                size_bytes = path.stat().st_size
            except FileNotFoundError:
                return None
            return _stored(size_bytes, _read_notes(_notes_path(path)))

    def _path(self, bucket: str, key: str) -> Path:
        parts = PurePosixPath(bucket, key).parts
        if ".." in parts or key.startswith("/") or "\0" in key:
            raise PermanentFault(f"{bucket}/{key} leads out of the archive")
        return self.directory.joinpath(*parts)


def _notes_path(path: Path) -> Path:
    return path.with_name(f"{path.name}.notes.json")


def _read_notes(path: Path) -> Notes | None:
    try:
        return Notes.model_validate_json(path.read_bytes())
    except (FileNotFoundError, ValidationError):
        return None


def _stored(size_bytes: int, notes: Notes | None) -> StoredObject:
    if notes is None:
        return StoredObject(size_bytes)
    return StoredObject(size_bytes, sha256=notes.sha256, tags=notes.tags, metadata=notes.metadata)


@contextmanager
def _told_as_faults(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise _fault(path, error) from error


def _fault(path: Path, error: OSError) -> OrdercastError:
    cure = NEEDS_A_PERSON.get(error.errno or 0)
    what = f"the archive cannot use {path}: {error.strerror or error}"
    return PermanentFault(f"{what}; {cure}") if cure else TransientFault(what)
