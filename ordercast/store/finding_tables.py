"""The tables that orders are found by."""

from sqlalchemy import BigInteger
from sqlmodel import Field, SQLModel


class OrderSubject(SQLModel, table=True):
    """A number, card or device of an order as a keyed hash, and the first line that names it.

    The hash tells nothing without the sealing keys, so what is masked can be found as well.
    There are many rows, in one tree that holds nothing else.
    """

    __tablename__ = "order_subject"  # pyright: ignore[reportAssignmentType]
    __table_args__ = {"sqlite_with_rowid": False}

    hash: int = Field(
        primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False}
    )
    order_no: str = Field(primary_key=True)
    line_no: int
