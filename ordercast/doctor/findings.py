"""What the doctor finds: one line for each thing looked at, with the cure where it is wrong."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """Something looked at: which part, what was found, and what to do if it is not well.

    One to note is meant by somebody, perhaps: it is shown, and nothing is wrong for that.
    """

    part: str
    found: str
    cure: str = ""
    is_to_note: bool = False

    @property
    def is_well(self) -> bool:
        return not self.cure or self.is_to_note

    @property
    def mark(self) -> str:
        return "!" if self.is_to_note else "✓" if self.is_well else "✗"


def note(part: str, found: str, cure: str) -> Finding:
    """Something that may be meant, or may not."""
    return Finding(part, found, cure, is_to_note=True)
