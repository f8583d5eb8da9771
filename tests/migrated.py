"""Prefect's database, migrated once for all stacks: its migrations take a third of a start."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import prefect

UPGRADE = ["prefect", "server", "database", "upgrade", "--yes"]


def have_migrated(prefect_home: Path) -> None:
    """Give a new home of Prefect a database that is empty and up to date."""
    mine = prefect_home / "prefect.db"
    if not mine.exists():
        prefect_home.mkdir(exist_ok=True)
        shutil.copy(_migrated(), mine)


def _migrated() -> Path:
    """The first who asks makes it, for this version of Prefect."""
    made = Path(tempfile.gettempdir()) / f"ordercast-tests-prefect-{prefect.__version__}.db"
    if not made.exists():
        with tempfile.TemporaryDirectory() as place:
            others = {k: v for k, v in os.environ.items() if not k.startswith("PREFECT")}
            own = {**others, "PREFECT_HOME": place}
            subprocess.run([sys.executable, "-m", *UPGRADE], env=own, check=True)
            Path(place, "prefect.db").replace(made)
    return made
