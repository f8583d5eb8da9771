"""Dialects as tests write them: a few lines of YAML over a plain one."""

from pathlib import Path
from textwrap import dedent

from config.dialects import Dialect, load_dialect
from ordercast.domain.errors import Problem
from ordercast.intake.drafts import Parsed
from ordercast.intake.reading import read_in


def dialect(folder: Path, text: str, name: str = "partner") -> Dialect:
    """The dialect that a text is."""
    path = folder / f"{name}.yaml"
    path.write_text(dedent(text), encoding="utf-8")
    return load_dialect(path)


def parsed(given: Dialect, body: bytes | str, media_type: str = "") -> Parsed:
    raw = body.encode() if isinstance(body, str) else body
    return read_in(given, raw, media_type)


def only_problem(found: Parsed) -> Problem:
    (problem,) = found.problems
    assert problem.problem
    assert problem.cure
    return problem


def characteristics(found: Parsed) -> list[dict[str, object]]:
    """Those of each line of the one order."""
    assert not found.problems
    (draft,) = found.drafts
    return [line.service.characteristics for line in draft.order.lines]
