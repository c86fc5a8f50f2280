"""A page of rows as its document."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from fastapi import Request, Response

from service_kit.http.pagination import Page, PageRequest, link_header

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
    """The page of ``rows``, of which one more than the limit was asked for: the extra one says that more follow."""
    shown = rows[: page.limit]
    next_cursor = cursor(shown[-1]) if len(rows) > page.limit else None
    link_header(response, request, next_cursor)
    return Page(data=[view(row) for row in shown], next_cursor=next_cursor)
