"""`ordercast users`: added, listed, given a role and a password, disabled and removed."""

from typer.testing import CliRunner

from ordercast.cli.app import app
from ordercast.store import audit, users

PASSWORD = "battery horse staple"


def run(*arguments, typed=None):
    return CliRunner().invoke(app, ["users", *arguments], input=typed, env={"COLUMNS": "200"})


def is_let_in(database, password=PASSWORD):
    return users.who_signs_in(database, "mei", password) is not None


def test_a_user_is_added_with_a_password_from_a_script_and_listed(database):
    assert run("add", "Mei", "--password-stdin", typed=f"{PASSWORD}\n").exit_code == 0
    assert is_let_in(database)
    listed = run("list").output
    assert "mei" in listed and "operator" in listed and PASSWORD not in listed


def test_a_generated_password_is_shown_once(database):
    told = run("add", "mei", "--generate").output
    assert is_let_in(database, told.rpartition(": ")[2].strip())


def test_roles_passwords_and_leave_are_changed_and_noted(database):
    run("add", "mei", "--password-stdin", typed=f"{PASSWORD}\n")
    assert run("role", "mei", "admin").output == "mei is admin now\n"
    assert run("disable", "mei").exit_code == 0 and not is_let_in(database)
    assert run("disable", "mei", "--undo").exit_code == 0 and is_let_in(database)
    new = "another fine one"
    assert run("password", "mei", "--password-stdin", typed=f"{new}\n").exit_code == 0
    assert is_let_in(database, new)
    assert run("remove", "mei").exit_code == 0
    with database.read() as session:
        assert not users.any_users(session)
        did = [act.did.removeprefix("users.") for act in audit.of_subject(session, "mei")]
    assert sorted(did) == ["add", "disable", "enable", "password", "remove", "role"]


def test_a_short_password_and_an_unknown_user_are_refused_in_words(database):
    del database
    short = run("add", "mei", "--password-stdin", typed="short\n")
    assert short.exit_code != 0 and "is too short" in f"{short.output}{short.exception}"
    unknown = run("role", "nobody", "viewer")
    assert unknown.exit_code != 0 and "nobody" in f"{unknown.output}{unknown.exception}"
