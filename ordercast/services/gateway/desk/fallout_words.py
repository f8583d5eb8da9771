"""What the desk calls the kinds of fallout, what is asked, and why somebody is left out."""

from ordercast.domain.fallout import Action, LeftOut, Trouble
from ordercast.services.gateway.desk.language import english

TROUBLES = {
    Trouble.WORK_ORDER: english("failed work order"),
    Trouble.RUN: english("failed run"),
    Trouble.PARKED: english("parked order"),
}

ACTIONS = {
    Action.REOPEN: english("Reopen"),
    Action.RETRY: english("Retry"),
    Action.CANCEL: english("Cancel"),
}

EFFECTS = {
    Action.REOPEN: english("The failed work is open again: the order's next version."),
    Action.RETRY: english("The step that failed is tried again now."),
    Action.CANCEL: english("What is open is cancelled; what was completed stays."),
}

LEFT_OUT = {
    LeftOut.ASKED: english("the same is asked of them already"),
    LeftOut.CANCELLED: english("their cancellation was asked for"),
    LeftOut.SEALED: english("their outcome is sealed and stands"),
    LeftOut.FOLLOWED: english("a later version has followed"),
    LeftOut.TOO_MANY: english("more than one act may ask: act once more for the rest"),
}

COMMAND_STATES = {
    "acknowledged": english("waiting"),
    "done": english("done"),
    "terminatedWithError": english("refused"),
}
