"""What the doctor finds: one line for each thing looked at, with the cure where it is wrong."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """Something looked at: which part, what was found, and what to do if it is not well."""

    part: str
    found: str
    cure: str = ""

    @property
    def is_well(self) -> bool:
        return not self.cure
