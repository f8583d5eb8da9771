"""`ordercast automations`: what Prefect does by itself when something happens, as files."""

from pathlib import Path
from typing import Annotated

import typer

from config.settings import settings
from config.yaml_document import shown
from ordercast.cli.prefect_away import prefect_asked
from ordercast.cli.showing import show_table

app = typer.Typer(help="What Prefect does by itself, as files.", no_args_is_help=True)

Block = Annotated[str, typer.Option(help="TYPE/NAME of the notification block; else the setting's")]
Directory = Annotated[Path | None, typer.Option(help="where the files are; else the setting's")]


@app.command("list")
def list_automations(directory: Directory = None) -> None:
    """List the automations that the files have, and how they stand in Prefect."""
    from prefect.client.orchestration import get_client  # noqa: PLC0415 (it takes its time)

    from ordercast.automation.files import written_automations  # noqa: PLC0415

    written = written_automations(directory or settings().automations)
    with prefect_asked(), get_client(sync_client=True) as client:
        standing = {each.name: client.read_automations_by_name(each.name) for each in written}
    rows = [
        (
            each.name,
            ", ".join("on" if one.enabled else "paused" for one in standing[each.name])
            or "not there",
            each.says.get("description", ""),
            shown(each.path),
        )
        for each in written
    ]
    show_table(f"{len(rows)} automations", ["automation", "in Prefect", "what", "file"], rows)


@app.command()
def apply(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only say what it would do")] = False,
    block: Block = "",
    directory: Directory = None,
) -> None:
    """Make the automations in Prefect, or update them in place by their names."""
    from prefect.client.orchestration import get_client  # noqa: PLC0415 (it takes its time)

    from ordercast.automation.applying import carry_out, plan  # noqa: PLC0415
    from ordercast.automation.files import written_automations  # noqa: PLC0415

    written = written_automations(directory or settings().automations)
    with prefect_asked(), get_client(sync_client=True) as client:
        planned = plan(client, written, block=block or settings().prefect.alert_block)
        for each in planned if dry_run else carry_out(client, planned):
            typer.echo(f"{each.change}: {each.written.name}")
