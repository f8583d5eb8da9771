"""Completion reports over HTTP: one, or many at once."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from ordercast.domain.report import Verdict
from ordercast.intake.reporting import parse_one_report, parse_reports, take_reports
from ordercast.services.gateway.access import Reporting
from ordercast.services.gateway.bodies import RawBody
from ordercast.store.engine import database

router = APIRouter(tags=["completion reports"])

STATUS = {
    Verdict.ACCEPTED: 201,
    Verdict.CORRECTED: 201,
    Verdict.DUPLICATE: 200,
    Verdict.CONTRADICTING: 409,
    Verdict.LATE: 409,
    Verdict.UNKNOWN: 404,
}


@router.post("/work-orders/reports")
def report_many(caller: Reporting, request: Request, body: RawBody) -> dict[str, Any]:
    """Take many reports: a JSON array, NDJSON or CSV. Each is answered, matched by its ids."""
    media_type = request.headers.get("content-type", "application/json")
    reports = parse_reports(database(), body, media_type, agent=caller.agent)
    answers = take_reports(database(), reports, agent=caller.agent)
    counts: dict[str, int] = {}
    for answer in answers:
        counts[answer.verdict] = counts.get(answer.verdict, 0) + 1
    return {"counts": counts, "reports": [answer.model_dump() for answer in answers]}


@router.post("/work-orders/{work_order_id}/report", status_code=201)
def report(caller: Reporting, work_order_id: str, body: RawBody) -> JSONResponse:
    """Report a work order completed or failed.

    201: it has effect. 200: it was known already. 409: late or contradicting. 404: there is
    no such work order. It is kept in every case.
    """
    report = parse_one_report(database(), body, work_order_id, agent=caller.agent)
    answer = take_reports(database(), [report], agent=caller.agent)[0]
    return JSONResponse(answer.model_dump(), STATUS[Verdict(answer.verdict)])
