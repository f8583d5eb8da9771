"""The commands of `ordercast`."""

import typer

from ordercast.cli import (
    alerts,
    archive,
    audit,
    automations,
    database,
    demo,
    dialects,
    doctor,
    fallout,
    inbox,
    keys,
    orders,
    pushes,
    receiver,
    reconciling,
    running,
    sending,
    subscriber_bodies,
    subscribers,
    users,
)
from ordercast.cli.faults import ToldInWords

app = typer.Typer(
    name="ordercast",
    help="Carries telecom orders to completion and tells everyone about it.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    cls=ToldInWords,
)

app.command("up")(running.up)
app.command("demo")(demo.demo)
app.command("serve")(running.serve)
app.command("doctor")(doctor.doctor)
app.command("submit")(sending.submit)
app.command("report")(sending.report)
app.command("reconcile")(reconciling.reconcile)
app.add_typer(orders.app, name="orders", help="Orders: list, show, cancel, reopen, retry.")
app.add_typer(fallout.app, name="fallout", help="Fallout: by cause, and acting on all of it.")
app.add_typer(pushes.app, name="pushes", help="Pushes: who was told what, and what they said.")
app.add_typer(subscribers.app, name="subscribers", help="Subscribers: who is told.")
subscribers.app.command("preview")(subscriber_bodies.preview)
subscribers.app.command("bodies")(subscriber_bodies.bodies)
subscribers.app.command("rotate")(subscriber_bodies.rotate)
app.add_typer(users.app, name="users", help="The desk's users: who may sign in, and what as.")
app.add_typer(keys.app, name="keys", help="API keys: who may come in by HTTP, and for what.")
app.command("audit")(audit.show_audit)
app.add_typer(alerts.app, name="alerts", help="Alerts: whom Ordercast tells.")
app.add_typer(automations.app, name="automations", help="What Prefect does by itself, as files.")
app.add_typer(receiver.app, name="receiver", help="A small receiver, and why a signature fails.")
app.add_typer(dialects.app, name="dialect", help="Partners' dialects: list, try a message.")
app.add_typer(archive.app, name="archive", help="The archive: find, show, get, verify, buckets.")
app.add_typer(inbox.app, name="inbox", help="Messages as they came, and what became of them.")
app.add_typer(database.app, name="db", help="The database: bring it to this version's shape.")
