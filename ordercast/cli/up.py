"""`ordercast up`: all services of one machine, and a Prefect server."""

from rich.console import Console
from rich.table import Table

from config.catalog import catalogue
from config.dialects import dialects
from config.push_dialects import push_dialects
from config.settings import Settings, settings
from config.tags import tag_rules
from ordercast.cli.serve import log_to_console, stop_on_signals
from ordercast.services.supervisor import Supervisor, children_of, sole_use, wait_for_free_ports
from ordercast.store import users
from ordercast.store.api_keys import FIRST_KEY_FILE, make_first_key
from ordercast.store.engine import database
from ordercast.store.migrating import upgrade
from ordercast.store.sealing import make_key

console = Console()


def up() -> None:
    """Start a Prefect server, the gateway with the relay, a worker and the platform."""
    chosen, stop = settings(), stop_on_signals()
    log_to_console(chosen)
    with sole_use(chosen.home):
        wait_for_free_ports(chosen)
        prepare(chosen)
        first = first_admin(chosen)
        supervisor = Supervisor(children_of(chosen), stop)
        try:
            with console.status("Starting …"):
                supervisor.start()
            console.print(addresses(chosen))
            if first:
                console.print(first, markup=False, soft_wrap=True)
            supervisor.watch()
        finally:
            with console.status("Stopping …"):
                supervisor.shut_down()


def prepare(chosen: Settings) -> None:
    """Check the files that operators edit, make keys, and bring the database up to date."""
    for read in (catalogue, tag_rules, dialects, push_dialects):
        read()
    if not chosen.sealing_keys.get_secret_value():
        make_key(chosen.home)
    upgrade(database())
    make_first_key(database(), chosen.home)


def first_admin(chosen: Settings) -> str:
    """On the embedded default: whom to sign in as; made at the first start, with a password."""
    if chosen.database.url:
        return ""
    name, change = users.FIRST_ADMIN, f"ordercast users password {users.FIRST_ADMIN}"
    if password := users.add_first_admin(database()):
        return f"Sign in at the desk as {name}, password {password} (shown this once; {change})"
    if users.has_generated_password(database(), name):
        return f"The desk's {name} has the password of the first start; choose your own: {change}"
    return ""


def addresses(chosen: Settings) -> Table:
    """Where everything is."""
    table = Table(title="Ordercast is up", show_header=False)
    table.add_row("Orders", f"{chosen.gateway_url}/tmf-api/serviceOrdering/v4/serviceOrder")
    table.add_row("Desk", f"{chosen.gateway_url}/desk/")
    table.add_row("API docs", f"{chosen.gateway_url}/docs")
    table.add_row("Prefect UI", chosen.prefect_ui_url)
    table.add_row("Business platform", chosen.platform_url)
    if (key := chosen.home.absolute() / FIRST_KEY_FILE).exists():
        table.add_row("API key of an admin", f"in {key}")
    table.add_row("Data, keys, logs", str(chosen.home.absolute()))
    return table
