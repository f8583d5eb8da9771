"""The commands of `ordercast`: each is found, and imports nothing of the others."""

import subprocess
import sys

import pytest

from ordercast.cli.app import COMMANDS, Imported

ASKED = """
import sys
from ordercast.cli.app import app
app(["serve", "--help"], standalone_mode=False)
print(*sys.modules, sep="\\n", file=sys.stderr)
"""


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_found_and_says_what_it_does(name):
    command = Imported(COMMANDS)[name]
    assert command.name == name
    assert command.help.endswith(".")


def test_a_command_imports_nothing_of_the_others(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", ASKED], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    imported = set(done.stderr.split())
    assert "ordercast.cli.serve" in imported
    assert imported.isdisjoint({"ordercast.cli.demo", "prefect", "fastapi", "alembic"})
