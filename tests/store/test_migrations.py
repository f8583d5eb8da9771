"""Migrations: an upgraded database is exactly what the tables say."""

from datetime import UTC, datetime

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import MetaData, insert, inspect
from sqlmodel import SQLModel

from ordercast.store import tables
from ordercast.store.engine import Database
from ordercast.store.migrating import upgrade

assert tables  # their definitions fill the metadata


def ours(_object, name, kind, _reflected, _compared):
    return kind != "table" or name in OURS


OURS = {each.__tablename__ for each in vars(tables).values() if hasattr(each, "__table__")}


def test_an_upgraded_database_has_the_shape_of_the_tables(database):
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"include_object": ours})
        assert compare_metadata(context, SQLModel.metadata) == []


def test_upgrading_twice_changes_nothing(database):
    before = set(inspect(database.engine).get_table_names())
    upgrade(database)
    assert set(inspect(database.engine).get_table_names()) == before
    assert before >= OURS


def test_an_empty_database_is_brought_to_shape(tmp_path):
    empty = Database(f"sqlite:///{tmp_path / 'empty.db'}")
    upgrade(empty)
    assert set(inspect(empty.engine).get_table_names()) >= OURS
    empty.engine.dispose()


def test_rows_of_the_first_revision_survive_the_later_ones(tmp_path):
    older = Database(f"sqlite:///{tmp_path / 'older.db'}")
    check_upgrade_with_data(older)
    older.engine.dispose()


def check_upgrade_with_data(older):
    """Bring an empty database to 0001, fill it, upgrade it, and read the rows again."""
    upgrade(older, "0001")
    at = datetime(2026, 11, 22, 9, tzinfo=UTC)
    before = MetaData()
    before.reflect(older.engine, only=["inbox_message", "work_order"])
    with older.writer.begin() as connection:
        connection.execute(
            insert(before.tables["inbox_message"]).values(
                id="msg-1",
                received_at=at,
                source="http",
                media_type="application/json",
                sealed=b"sealed",
                sha256="0" * 64,
                size_bytes=6,
                outcome="accepted",
                problems=[],
                order_no="ord-20261122-aaaaaa",
            )
        )
        connection.execute(
            insert(before.tables["work_order"]).values(
                id="wo-20261122-aaaaaa-1-1",
                order_no="ord-20261122-aaaaaa",
                line_no=1,
                name="hlr-profile",
                system="hlr",
                state="pending",
                depends_on=["auc-key-load"],
                due_at=at,
                created_at=at,
            )
        )
    upgrade(older)
    with older.read() as session:
        message = session.get_one(tables.InboxMessage, "msg-1")
        work_order = session.get_one(tables.WorkOrder, "wo-20261122-aaaaaa-1-1")
    assert (message.sealed, message.dialect, message.translated_from) == (b"sealed", None, None)
    assert (work_order.depends_on, work_order.parameters) == (["auc-key-load"], {})
    assert work_order.due_at == at
