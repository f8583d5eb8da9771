"""How the demo fails: with a reason, and the logs that tell more."""

from ordercast.domain.errors import OrdercastError


class DemoFailed(OrdercastError):
    """Something is not as it should be; `logs` are names of services whose logs tell more."""

    def __init__(self, reason: str, *, logs: tuple[str, ...] = ("gateway",)) -> None:
        self.logs = logs
        super().__init__(reason)
