"""API keys as they are kept: by digest alone, in some standing, the first one in a file."""

import stat
from datetime import timedelta

import pytest
from sqlmodel import select
from typer.testing import CliRunner

from ordercast.cli import app
from ordercast.contracts.api_key import NewApiKey, Scope
from ordercast.domain.errors import ConfigurationError, NotFound
from ordercast.store import api_keys
from ordercast.store.api_keys import FIRST_KEY_FILE, KEY, Standing, make_first_key, standing
from ordercast.store.clock import now
from ordercast.store.key_tables import ApiKey
from tests.keys import make_key


def all_keys(database):
    with database.read() as session:
        return session.exec(select(ApiKey)).all()


def run(*arguments):
    return CliRunner().invoke(app, arguments, env={"COLUMNS": "300"})


def test_a_key_is_long_random_and_never_the_same():
    keys = {api_keys.new_key() for _ in range(100)}
    assert len(keys) == 100
    assert all(KEY.fullmatch(key) for key in keys)


def test_of_a_key_the_database_has_its_digest_alone(database):
    key = make_key(Scope.READ, Scope.READ, agent="agent-x")
    (kept,) = all_keys(database)
    assert key not in str(kept.model_dump())
    assert (kept.sha256, kept.scopes) == (api_keys.digest_of(key), ["read"])
    with database.read() as session:
        assert api_keys.by_digest(session, api_keys.digest_of(f"{key}x")) is None


def test_a_key_is_valid_until_it_expires_or_is_revoked():
    at = now()
    kept = ApiKey(id="key-1", name="n", sha256="", created_at=at)
    assert standing(kept, at=at) is Standing.VALID
    kept.expires_at = at
    assert standing(kept, at=at - timedelta(seconds=1)) is Standing.VALID
    assert standing(kept, at=at) is Standing.EXPIRED
    kept.revoked_at = at
    assert standing(kept, at=at) is Standing.REVOKED


def test_the_valid_ones_are_found_by_the_database_as_by_the_rule(database):
    make_key(), make_key(expires_at=now() - timedelta(1)), make_key(expires_at=now() + timedelta(1))
    with database.write() as session:
        api_keys.revoke(session, all_keys(database)[0].id)
    valid = {each.id for each in all_keys(database) if standing(each, at=now()) is Standing.VALID}
    with database.read() as session:
        assert api_keys.valid_ids(session) == valid
        assert len(valid) == 1 and api_keys.is_any_valid(session)


def test_a_key_that_was_revoked_stays_so_since_then(database):
    make_key()
    (kept,) = all_keys(database)
    with database.write() as session:
        first = api_keys.revoke(session, kept.id).revoked_at
    with database.write() as session:
        assert api_keys.revoke(session, kept.id).revoked_at == first
        with pytest.raises(NotFound):
            api_keys.revoke(session, "key-none")


def test_a_use_is_noted_when_the_last_is_a_minute_ago(database):
    make_key()
    (kept,) = all_keys(database)
    before = kept.last_used_at
    assert not api_keys.is_use_to_be_noted(kept, at=before + timedelta(seconds=59))
    assert api_keys.is_use_to_be_noted(kept, at=before + timedelta(seconds=60))
    api_keys.note_use(database, kept.id)
    assert all_keys(database)[0].last_used_at == before
    with database.write() as session:
        api_keys.get(session, kept.id).last_used_at = None
    api_keys.note_use(database, kept.id)
    assert all_keys(database)[0].last_used_at >= before


def test_the_first_key_is_an_admins_in_a_file_that_its_owner_alone_may_read(database, tmp_path):
    make_first_key(database, tmp_path)
    file = tmp_path / FIRST_KEY_FILE
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    (kept,) = all_keys(database)
    assert kept.sha256 == api_keys.digest_of(file.read_text().strip())
    assert (kept.scopes, kept.agent) == (["admin"], None)
    make_first_key(database, tmp_path)
    assert len(all_keys(database)) == 1


def test_a_first_key_that_was_revoked_is_not_made_again(database, tmp_path):
    make_first_key(database, tmp_path)
    with database.write() as session:
        api_keys.revoke(session, all_keys(database)[0].id)
    (tmp_path / FIRST_KEY_FILE).unlink()
    make_first_key(database, tmp_path)
    assert len(all_keys(database)) == 1
    assert not (tmp_path / FIRST_KEY_FILE).exists()


def test_the_file_of_the_first_key_stands_for_a_new_database_too(database, tmp_path):
    (tmp_path / FIRST_KEY_FILE).write_text(key := api_keys.new_key())
    make_first_key(database, tmp_path)
    assert all_keys(database)[0].sha256 == api_keys.digest_of(key)


def test_a_file_that_holds_no_key_opens_nothing(database, tmp_path):
    (tmp_path / FIRST_KEY_FILE).write_text("\n")
    with pytest.raises(ConfigurationError, match="holds no API key"):
        make_first_key(database, tmp_path)
    assert all_keys(database) == []


def test_a_key_is_made_shown_once_listed_and_revoked_by_command(database):
    made = run("keys", "add", "portal", "--agent", "agent-x", "--scope", "submit", "--days", "30")
    assert made.exit_code == 0
    key = made.output.split()[-1]
    assert KEY.fullmatch(key)
    listed = run("keys", "list")
    assert "portal" in listed.output and "valid" in listed.output and key not in listed.output
    (kept,) = all_keys(database)
    assert (kept.sha256, kept.agent) == (api_keys.digest_of(key), "agent-x")
    assert timedelta(29) < kept.expires_at - now() < timedelta(30)
    assert run("keys", "revoke", kept.id).exit_code == 0
    assert "revoked" in run("keys", "list").output
    assert run("keys", "revoke", "key-none").exit_code == 1
    assert kept.sha256 not in run("keys", "list", "--json").output


def test_a_key_without_a_scope_or_of_a_scope_that_there_is_not_is_not_made(database):
    assert run("keys", "add", "portal").exit_code != 0
    assert run("keys", "add", "portal", "--scope", "all").exit_code != 0
    assert run("keys", "add", "", "--scope", "read").exit_code == 1
    assert all_keys(database) == []
    with pytest.raises(ValueError, match="at least 1"):
        NewApiKey(name="n", scopes=[])
