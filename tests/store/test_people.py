"""Users, sessions and the audit log, in the database."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import select

from ordercast.domain.errors import Conflict, InvalidMessage, NotFound
from ordercast.domain.people import FREE_TRIES, LONGEST_PAUSE, Role, pause_after, user_name
from ordercast.store import audit, desk_sessions, users
from ordercast.store.clock import now
from ordercast.store.passwords import fits, hash_of, new_password
from ordercast.store.people_tables import DeskSession

PASSWORD = "battery horse staple"
HOUR = timedelta(hours=1)


def add(database, name="ann", **more):
    return users.add(database, name, **{"role": Role.OPERATOR, "password": PASSWORD, **more})


def test_a_name_is_one_however_it_is_written(database):
    add(database, "  Ａnn ")
    with pytest.raises(Conflict):
        add(database, "ANN")
    assert users.who_signs_in(database, "Ann", PASSWORD)


@pytest.mark.parametrize("name", ["", "a b", "x" * 65, "a/b"])
def test_what_cannot_be_a_name_is_refused_with_the_cure(name):
    with pytest.raises(InvalidMessage, match=r"name: .*; use"):
        user_name(name)


@pytest.mark.parametrize("password", ["", "short", "x" * 1001])
def test_a_password_has_a_length(database, password):
    with pytest.raises(InvalidMessage, match="password"):
        add(database, password=password)


def test_of_a_password_only_a_hash_is_kept(database):
    row = add(database)
    assert PASSWORD not in row.password_hash and row.password_hash.startswith("$argon2id$")
    assert fits(PASSWORD, row.password_hash) and not fits("other", row.password_hash)
    assert not fits(PASSWORD, None) and not fits(PASSWORD, "no hash")
    assert hash_of(PASSWORD) != hash_of(PASSWORD)


def test_the_first_admin_is_made_once(database):
    password = users.add_first_admin(database)
    assert users.who_signs_in(database, "admin", password).role == Role.ADMIN
    assert users.add_first_admin(database) is None
    assert users.has_generated_password(database, "admin")
    users.change_password(database, "admin", password=new_password())
    assert not users.has_generated_password(database, "admin")


def test_tries_count_before_the_password_is_looked_at_and_a_right_one_ends_the_count(database):
    add(database)
    for _ in range(FREE_TRIES - 1):
        assert users.who_signs_in(database, "ann", "wrong") is None
    assert users.who_signs_in(database, "ann", PASSWORD).failures == 0
    for _ in range(FREE_TRIES + 1):
        users.who_signs_in(database, "ann", "wrong")
    assert users.who_signs_in(database, "ann", PASSWORD) is None
    users.change_password(database, "ann", password=PASSWORD)
    assert users.who_signs_in(database, "ann", PASSWORD)


@given(st.integers(0, 10_000))
def test_the_pause_only_grows_and_has_an_end(tries):
    assert pause_after(tries) <= pause_after(tries + 1) <= LONGEST_PAUSE


def test_a_session_is_kept_by_the_hash_of_its_token_and_goes_when_it_is_over(database):
    add(database)
    with database.write() as session:
        desk_sessions.begin(session, "ann", lasts=-HOUR)
        token = desk_sessions.begin(session, "ann", lasts=HOUR)
    with database.read() as session:
        found = desk_sessions.find(session, token, idle=HOUR)
        assert found.user.name == "ann" and token not in found.token_sha256
    with database.write() as session:
        desk_sessions.begin(session, "ann", lasts=HOUR)
        assert len(session.exec(select(DeskSession)).all()) == 2


def test_that_a_session_is_used_is_noted_now_and_then(database):
    add(database)
    with database.write() as session:
        token = desk_sessions.begin(session, "ann", lasts=HOUR)
    with database.write() as session:
        found = desk_sessions.find(session, token, idle=HOUR)
        assert not found.is_stale
        session.get(DeskSession, found.token_sha256).seen_at = now() - timedelta(minutes=2)
    with database.write() as session:
        assert desk_sessions.find(session, token, idle=HOUR).is_stale
        desk_sessions.note_use(session, found.token_sha256)
        assert not desk_sessions.find(session, token, idle=HOUR).is_stale


@pytest.mark.parametrize("end", [users.disable, users.remove])
def test_who_is_disabled_or_removed_is_signed_out(database, end):
    add(database)
    with database.write() as session:
        token = desk_sessions.begin(session, "ann", lasts=HOUR)
        end(session, "ann")
    with database.read() as session:
        assert desk_sessions.find(session, token, idle=HOUR) is None
        assert not users.any_users(session) or users.user(session, "ann").disabled_at
    assert users.who_signs_in(database, "ann", PASSWORD) is None


def test_an_unknown_user_is_said_to_be_unknown(database):
    with database.read() as session, pytest.raises(NotFound, match="user"):
        users.user(session, "nobody")


def test_the_audit_log_tells_who_did_what_and_why_the_newest_first(database):
    with database.write() as session:
        for n in range(3):
            audit.note(session, who="ann", did="orders.retry", subject=f"o-{n}", reason="again")
        audit.note(session, who="bob", did="orders.cancel", subject="o-1", details={"n": 1})
    with database.read() as session:
        told = [(each.who, each.did, each.reason) for each in audit.of_subject(session, "o-1")]
        assert told == [("bob", "orders.cancel", None), ("ann", "orders.retry", "again")]
        newest = audit.newest(session, limit=2)
        assert [each.subject for each in newest] == ["o-1", "o-2"]
        (bobs,) = audit.newest(session, who="bob")
        assert audit.in_words(bobs.details) == "n: 1"
        older = audit.newest(session, before=newest[-1].key)
        assert [each.subject for each in older] == ["o-1", "o-0"]
