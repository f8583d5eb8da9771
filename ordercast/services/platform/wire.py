"""What the platform answers, beside the outcomes themselves."""

from datetime import datetime

from pydantic import BaseModel, Field


class KeptVersion(BaseModel):
    """The answer to a PUT; the same request sent again gets it again, word for word.

    `current_version` is the newest version held when this one came. Times are UTC.
    """

    order_no: str
    version: int
    class_name: str = Field(serialization_alias="class")
    state: str
    line_count: int
    sha256: str
    received_at: datetime
    current_version: int


class VersionEntry(BaseModel):
    """One of the versions of an order that are held."""

    version: int
    class_name: str = Field(serialization_alias="class")
    state: str
    line_count: int
    sha256: str
    sealed_at: datetime
    received_at: datetime
    current: bool


class ClassEntry(BaseModel):
    """A class, its store, and how many of its orders are in each state now."""

    class_name: str = Field(serialization_alias="class")
    store: str
    opened_at: datetime
    counts: dict[str, int]


class Health(BaseModel):
    """Whether the platform and its database answer."""

    status: str


class Refusal(BaseModel):
    """Why a request was not carried out. Source: TMF641 v4.1, Error."""

    code: str
    reason: str
    message: str
    status: str
