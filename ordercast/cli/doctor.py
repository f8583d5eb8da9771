"""`ordercast doctor`: whether each part is there and set up as it should be."""

from importlib import import_module

import typer

from ordercast.cli.showing import show_table

PARTS = "ordercast.doctor.parts"
"""Imported only where it is called: it loads Prefect."""


def doctor() -> None:
    """Look at every part: is it there, may it be used, is it set up right, and what to do."""
    findings = list(import_module(PARTS).look_at_everything())
    rows = [(each.mark, each.part, each.found, each.cure) for each in findings]
    show_table("What the doctor finds", ["", "part", "found", "what to do"], rows)
    raise typer.Exit(0 if all(each.is_well for each in findings) else 1)
