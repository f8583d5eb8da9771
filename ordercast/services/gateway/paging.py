"""Pages of lists: filters, `offset` and `limit` in, TMF's count headers out."""

from collections import Counter
from collections.abc import Collection, Sequence
from typing import Annotated

from fastapi import Query, Response

from config.settings import settings
from ordercast.domain.errors import InvalidMessage, Problem

MOST_ROWS = 2**31
"""Beyond what a database counts to, there are no rows to skip."""

Offset = Annotated[int, Query(ge=0, le=MOST_ROWS, description="rows to skip")]
Limit = Annotated[int | None, Query(ge=1, description="rows to return")]

PAGING = {"fields", "offset", "limit"}


def check_names(query: Sequence[tuple[str, str]], filters: Collection[str]) -> None:
    """InvalidMessage if a query names what is no filter of a list, or names something twice."""
    names = Counter(name for name, _ in query)
    cure = f"use one of: {', '.join(filters)}"
    problems = [
        Problem(name, "is not a filter", cure)
        for name in names
        if name not in filters and name not in PAGING
    ]
    problems += [
        Problem(name, "is given twice", "give it once") for name, n in names.items() if n > 1
    ]
    if problems:
        raise InvalidMessage(problems)


def page_size(limit: int | None) -> int:
    """The number of rows of a page; InvalidMessage if more are asked for than allowed."""
    most = settings().gateway.max_page_limit
    if limit is not None and limit > most:
        raise InvalidMessage([Problem("limit", f"is over {most}", "page with offset")])
    return limit or settings().gateway.page_limit


def count_headers(response: Response, *, total: int, shown: int) -> None:
    """Tell how many rows there are and how many this page has. Source: TMF630."""
    response.headers["X-Total-Count"] = str(total)
    response.headers["X-Result-Count"] = str(shown)
