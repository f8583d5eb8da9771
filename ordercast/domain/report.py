"""Completion reports: what becomes of each, whenever and however often it comes."""

from enum import StrEnum

from ordercast.domain.work_order import Result, WorkOrderState


class Verdict(StrEnum):
    """What becomes of a report. All are kept; only two have an effect."""

    ACCEPTED = "accepted"
    CORRECTED = "corrected"
    DUPLICATE = "duplicate"
    CONTRADICTING = "contradicting"
    LATE = "late"
    UNKNOWN = "unknown"

    @property
    def has_effect(self) -> bool:
        return self in (Verdict.ACCEPTED, Verdict.CORRECTED)

    @property
    def is_taken(self) -> bool:
        """The work order is as the report says, by this report or an earlier one."""
        return self.has_effect or self is Verdict.DUPLICATE


def judge(
    state: WorkOrderState | None, result: Result, *, corrects_accepted: bool = False
) -> Verdict:
    """What becomes of a new report on a work order in the given state.

    `state` is None when there is no such work order. The first result wins: one that repeats
    it is a duplicate, one that contradicts it has no effect unless it names the accepted
    report that it corrects. A result for cancelled work comes too late.
    """
    if state is None:
        return Verdict.UNKNOWN
    if state.is_open:
        return Verdict.ACCEPTED
    if state is WorkOrderState.CANCELLED:
        return Verdict.LATE
    if state is result.state:
        return Verdict.DUPLICATE
    return Verdict.CORRECTED if corrects_accepted else Verdict.CONTRADICTING


ANSWERS = {
    Verdict.ACCEPTED: "the work order is {result}",
    Verdict.CORRECTED: "the result is corrected: the work order is {result}",
    Verdict.DUPLICATE: "the work order was {result} already; nothing changed",
    Verdict.CONTRADICTING: (
        "an earlier report says otherwise and stands; to replace it, send `corrects` with "
        "the id of the accepted report"
    ),
    Verdict.LATE: "the work order is cancelled; the report is kept and has no effect",
    Verdict.UNKNOWN: "there is no such work order; the report is kept for the operators",
}
