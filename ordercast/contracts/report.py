"""The wire form of completion reports: what teams and systems say of their work orders."""

from typing import Annotated
from uuid import uuid4

from pydantic import BaseModel, ConfigDict, Field

from ordercast.domain.work_order import Result

Id = Annotated[str, Field(min_length=1, max_length=128)]


class CompletionReport(BaseModel):
    """That a work order is completed or failed, by whom, and why.

    `report_id` is the sender's: the same one sent again gets the same answer. `corrects`
    names the accepted report that this one replaces.
    """

    model_config = ConfigDict(extra="forbid", coerce_numbers_to_str=True)

    report_id: Id = Field(default_factory=lambda: str(uuid4()))
    result: Result
    code: Annotated[str, Field(max_length=64)] | None = None
    text: Annotated[str, Field(max_length=2000)] | None = None
    reporter: Annotated[str, Field(max_length=128)] | None = None
    corrects: Id | None = None


class WorkOrderReport(CompletionReport):
    """A report of a bulk, which names its work order itself."""

    work_order_id: Id


class ReportAnswer(BaseModel):
    """What became of a report; `verdict` is one of domain.report.Verdict."""

    work_order_id: str
    report_id: str
    verdict: str
    message: str
