"""`ordercast doctor`: whether each part is there and set up as it should be."""

import typer

from ordercast.cli.showing import show_table
from ordercast.doctor.parts import look_at_everything


def doctor() -> None:
    """Look at every part: is it there, is it set up for many orders, and what to do."""
    findings = list(look_at_everything())
    rows = [("✓" if each.is_well else "✗", each.part, each.found, each.cure) for each in findings]
    show_table("What the doctor finds", ["", "part", "found", "what to do"], rows)
    raise typer.Exit(0 if all(each.is_well for each in findings) else 1)
