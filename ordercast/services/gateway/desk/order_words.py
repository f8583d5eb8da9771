"""What the pages of orders call things: the domain's values in people's words."""

from ordercast.domain.order_actions import WhyNot
from ordercast.services.gateway.desk.language import english
from ordercast.services.gateway.desk.vocabulary import STATES
from ordercast.store.runs import WaitingFor

ORDER_STATES = {
    name: STATES[name]
    for name in (
        *("acknowledged", "held", "inProgress", "completed", "partial", "failed"),
        *("rejected", "cancelled"),
    )
}

WAITS = {
    WaitingFor.WORK_ORDERS: english("its work orders"),
    WaitingFor.EXCLUSIVE: english("another order on the same number or card"),
    WaitingFor.PARKED: english("its next try after a fault"),
    WaitingFor.OPERATOR: english("a person"),
}

WHY_NOT = {
    WhyNot.ASKED: english("it is asked already and is being carried out"),
    WhyNot.NOTHING_WAITS: english("nothing is parked and nothing has failed technically"),
    WhyNot.NOTHING_FAILED: english("no work order has failed"),
    WhyNot.SEALED: english("the outcome is sealed and stands"),
    WhyNot.CANCELLED: english("it is being cancelled"),
    WhyNot.NOTHING_TOLD: english("there is nothing yet that somebody could be told again"),
}

STAGES = {
    "accepted": english("accepted"),
    "received": english("received"),
    "decomposed": english("decomposed into lines"),
    "generated": english("work orders generated"),
    "sealed": english("outcome sealed"),
    "synced": english("on the platform"),
    "archived": english("archived"),
    "broadcast": english("everybody is being told"),
}

COMMANDS = {
    "retry": english("retry"),
    "cancel": english("cancel"),
    "reopen": english("reopen"),
    "reschedule": english("start at another time"),
    "accept": english("accept a report"),
}

COMMAND_STATES = {
    "acknowledged": english("being carried out"),
    "done": english("done"),
    "terminatedWithError": english("not possible"),
}

VERDICTS = {
    "accepted": english("accepted"),
    "corrected": english("corrected"),
    "duplicate": english("duplicate"),
    "contradicting": english("contradicting"),
    "late": english("too late"),
    "unknown": english("unknown"),
}

RESULTS = {"completed": english("completed"), "failed": english("failed")}

ACTIONS = {
    "add": english("add"),
    "modify": english("modify"),
    "delete": english("delete"),
    "noChange": english("no change"),
}

PUSH_STATES = {
    "pending": english("on its way"),
    "delivered": english("delivered"),
    "rejected": english("refused by the receiver"),
    "gone": english("receiver gone"),
    "gave-up": english("given up"),
    "superseded": english("overtaken by a newer one"),
    "withdrawn": english("withdrawn"),
}
