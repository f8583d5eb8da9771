"""Classifying: the reason, and with it the verdict, that an answer deserves."""

from ordercast.contracts.subscriber import Acknowledgement
from ordercast.delivery.acknowledgements import acknowledged
from ordercast.delivery.answers import Answer
from ordercast.delivery.verdicts import Reason

_BY_STATUS = {
    400: Reason.BODY_REFUSED,
    401: Reason.ACCESS_DENIED,
    403: Reason.ACCESS_DENIED,
    407: Reason.PROXY,
    408: Reason.TIMEOUT,
    410: Reason.GONE,
    413: Reason.BODY_REFUSED,
    415: Reason.BODY_REFUSED,
    422: Reason.BODY_REFUSED,
    425: Reason.BUSY,
    429: Reason.BUSY,
    504: Reason.TIMEOUT,
}


def classify(answer: Answer, rule: Acknowledgement = Acknowledgement.STATUS) -> Reason:
    """Why an answer is a success, or is not; its `verdict` says what follows."""
    if answer.fault is not None:
        return answer.fault
    if answer.is_confirmed:
        return Reason.ACKNOWLEDGED
    if answer.status is None:
        return Reason.INTERNAL
    return _by_status(answer.status, answer.body, rule)


def _by_status(status: int, body: str, rule: Acknowledgement) -> Reason:
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    match status // 100:
        case 2:
            return acknowledged(rule, body)
        case 3:
            return Reason.REDIRECTED
        case 5:
            return Reason.SERVER_ERROR
        case _:
            return Reason.UNEXPECTED_STATUS
