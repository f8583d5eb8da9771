"""What nudges are about."""

from enum import StrEnum


class Topic(StrEnum):
    """What there may be to do."""

    LAUNCH = "launch"
    WAKE = "wake"
    ARTIFACT = "artifact"
    COMMAND = "command"
    DELIVER = "deliver"
    LINES = "lines"
    CLAIM = "claim"
    RECOVER = "recover"
    NUMBER = "number"
    FEED = "feed"
    REPLAY = "replay"
    RECOVERED = "recovered"
