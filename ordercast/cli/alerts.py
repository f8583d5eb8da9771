"""`ordercast alerts`: what people are told when one of them must look, and whom."""

from typing import Annotated

import typer

from config.settings import settings
from ordercast.cli.showing import show_json, show_table
from ordercast.delivery.alerting import notify, urls_of
from ordercast.domain.errors import ConfigurationError
from ordercast.store.alert_sending import newest
from ordercast.store.engine import database

app = typer.Typer(help="Alerts: whom Ordercast tells.", no_args_is_help=True)


@app.command("list")
def list_alerts(
    limit: Annotated[int, typer.Option(min=1, help="rows to show")] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """List alerts, the newest first, and when somebody was told of each."""
    with database().read() as session:
        found = newest(session, limit=limit)
    if as_json:
        show_json([each.model_dump(exclude={"key", "due_at"}) for each in found])
        return
    columns = ["written (UTC)", "kind", "subject", "text", "sent (UTC)", "tries"]
    rows = [
        (each.created_at, each.kind, each.subject, each.text, each.sent_at, each.tries)
        for each in found
    ]
    show_table(f"{len(rows)} alerts", columns, rows)


@app.command()
def test() -> None:
    """Send a test message to every URL of the setting; 1 if one did not take it."""
    urls = urls_of(settings().alerts.urls.get_secret_value())
    if not urls:
        raise ConfigurationError(
            "ORDERCAST_ALERTS__URLS", "is not set", "give the Apprise URLs of whom to tell"
        )
    told = notify(urls, title="Ordercast: test", body="This is a test: alerts come here.")
    for each in told:
        typer.echo(f"{each.address}: {each.problem or 'took the message'}")
    if any(each.problem for each in told):
        raise typer.Exit(1)
