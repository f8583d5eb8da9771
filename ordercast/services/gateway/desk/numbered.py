"""Pages with numbers, as `parts.pager` shows them."""

from dataclasses import dataclass
from math import ceil

from starlette.requests import Request


@dataclass(frozen=True)
class Numbered:
    """Page `number`, from 1, of a list: `total` rows are counted, `size` to a page.

    `more` says that there are more than were counted.
    """

    request: Request
    number: int
    size: int
    counted: int
    more: bool = False
    name: str = "page"

    @property
    def pages(self) -> int:
        return max(1, ceil(self.counted / self.size))

    @property
    def total(self) -> str:
        return f"{self.counted}+" if self.more else str(self.counted)

    @property
    def first(self) -> int:
        return min((self.number - 1) * self.size + 1, self.counted)

    @property
    def last(self) -> int:
        return min(self.number * self.size, self.counted)

    def url(self, number: int) -> str:
        """The address of another page of the same list."""
        there = self.request.url.include_query_params(**{self.name: number})
        return f"{there.path}?{there.query}"
