"""What the desk calls states and roles: the domain's values in people's words."""

from ordercast.services.gateway.desk.language import english

STATES = {
    "pending": english("waiting"),
    "acknowledged": english("taken"),
    "inProgress": english("in progress"),
    "held": english("held"),
    "parked": english("parked"),
    "completed": english("completed"),
    "failed": english("failed"),
    "partial": english("partly completed"),
    "rejected": english("rejected"),
    "cancelled": english("cancelled"),
}
"""Of orders and lines, and of whatever has states of the same name."""

WORK_ORDER_STATES = STATES | {
    "pending": english("blocked"),
    "acknowledged": english("ready"),
    "inProgress": english("claimed"),
}

ROLES = {
    "viewer": english("viewer"),
    "operator": english("operator"),
    "admin": english("admin"),
}

SHELVES = {
    "open": english("all that is open"),
    "ready": english("ready"),
    "claimed": english("claimed"),
    "blocked": english("blocked"),
    "overdue": english("overdue"),
}

VERDICTS = {
    "accepted": english("The report is taken."),
    "corrected": english("The result is turned around."),
    "duplicate": english("It was reported so before; nothing changed."),
    "contradicting": english("An earlier report says otherwise, and stands; yours is kept."),
    "late": english("The work order is cancelled; the report is kept, without effect."),
    "unknown": english("There is no such work order; the report is kept."),
}
