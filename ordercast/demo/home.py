"""The home of the demo: fresh at every start, and never the user's own."""

import shutil
from pathlib import Path

from ordercast.domain.errors import ConfigurationError
from ordercast.services.supervisor import sole_use

LOCK = "up.lock"


def fresh_home(home: Path) -> Path:
    """An empty directory for a stack, wiped of what an earlier demo left in it.

    ConfigurationError if a stack runs in it, or if it holds what no stack has put there.
    """
    if home.exists() and any(home.iterdir()) and not (home / LOCK).exists():
        raise ConfigurationError(
            str(home), "holds files that are not the demo's", "choose another ORDERCAST_HOME"
        )
    with sole_use(home):
        for each in home.iterdir():
            if each.is_dir() and not each.is_symlink():
                shutil.rmtree(each)
            elif each.name != LOCK:
                each.unlink()
    return home.absolute()


def log_file(home: Path, service: str) -> Path:
    """Where a service of the stack writes its log."""
    return home / "logs" / f"{service}.log"


def tail(log: Path, *, lines: int = 15) -> list[str]:
    """The last lines of a log; none if there is no log."""
    try:
        text = log.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return []
    return [line for line in text.splitlines() if line.strip()][-lines:]
