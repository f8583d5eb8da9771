"""The databases of a benchmark's stacks: SQLite in the home of each."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path


class Databases:
    """Gives each stack databases of its own."""

    name = "SQLite"

    def fresh(self) -> Mapping[str, str]:
        """The settings of a stack's databases; none: SQLite in its home."""
        return {}

    @contextmanager
    def scratch(self, home: Path) -> Iterator[str]:
        """An empty database of the same kind on the same disk, for a moment."""
        file = home / "scratch.db"
        yield f"sqlite:///{file}"
        for each in home.glob(f"{file.name}*"):
            each.unlink()


@contextmanager
def databases() -> Iterator[Databases]:
    """The best database that there is."""
    yield Databases()
