"""What nudges are about."""

from enum import StrEnum


class Topic(StrEnum):
    """What there may be to do."""

    LAUNCH = "launch"
    WAKE = "wake"
    COMMAND = "command"
    DELIVER = "deliver"
    CLAIM = "claim"
    RECOVER = "recover"
    REPLAY = "replay"
    RECOVERED = "recovered"
