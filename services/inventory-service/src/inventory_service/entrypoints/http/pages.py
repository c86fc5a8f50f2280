"""A page of rows as the response that lists it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from fastapi import Request, Response

from service_kit.http.pagination import Page, PageRequest, link_header
from service_kit.persistence.page_lines import page_is_cut

Row = TypeVar("Row")
View = TypeVar("View")


def page_of(
    rows: Sequence[Row],
    page: PageRequest,
    *,
    view: Callable[[Row], View],
    cursor: Callable[[Row], str],
    request: Request,
    response: Response,
) -> Page[View]:
    """The page that shows ``rows``.

    The caller reads one row more than the limit: if there is one, a next page follows. So it does where documents
    with many lines end the page early.
    """
    shown = rows[: page.limit]
    more = page_is_cut(shown, sum(len(getattr(row, "lines", ())) for row in shown), len(rows))
    next_cursor = cursor(shown[-1]) if more else None
    link_header(response, request, next_cursor)
    return Page(data=[view(row) for row in shown], next_cursor=next_cursor)
