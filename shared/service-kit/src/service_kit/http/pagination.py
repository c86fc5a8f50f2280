"""Pages by cursor: the request has ``?limit=&cursor=``, the response ``{data, next_cursor}`` and ``Link``."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any, Generic, TypeVar

import orjson
from fastapi import Depends, Query, Request, Response
from pydantic import BaseModel, Field

from service_kit.http.problems import FieldError, Problem, bad_request
from service_kit.runtime.instant import parse_instant

T = TypeVar("T")

MAX_PAGE = 500
DEFAULT_PAGE = 50

_LARGEST = 2**63 - 1
"""Of what PostgreSQL compares as a bigint: a larger number was never in a cursor of ours."""

CursorValue = str | int | float | bool | datetime | date | None


class Page(BaseModel, Generic[T]):
    """One page; ``next_cursor`` is null on the last page."""

    data: list[T]
    next_cursor: str | None = Field(default=None, description="Give it as `cursor` to get the next page")


@dataclass(frozen=True, slots=True)
class PageRequest:
    """What the caller asks for: at most ``limit`` rows after ``cursor``."""

    limit: int
    cursor: str | None

    def after(self, *kinds: type) -> tuple[Any, ...] | None:
        """The cursor's values, of these types; None for the first page. Problem 400 for a cursor that is not ours."""
        return None if self.cursor is None else decode_cursor(self.cursor, *kinds)


async def _page_request(
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE, description="Rows on a page")] = DEFAULT_PAGE,
    cursor: Annotated[str | None, Query(max_length=1000, description="`next_cursor` of the page before")] = None,
) -> PageRequest:
    return PageRequest(limit, cursor)


PageParams = Annotated[PageRequest, Depends(_page_request)]
"""Declare a parameter of this type to take ``limit`` and ``cursor``."""


def encode_cursor(*values: CursorValue) -> str:
    """An opaque cursor that holds the sort key of a page's last row."""
    tagged = [
        {"t": value.isoformat()}
        if isinstance(value, datetime)
        else {"d": value.isoformat()}
        if isinstance(value, date)
        else value
        for value in values
    ]
    return base64.urlsafe_b64encode(orjson.dumps(tagged)).decode().rstrip("=")


def _bad_cursor() -> Problem:
    words = "The cursor is not one of ours: give `next_cursor` of the page before, unchanged."
    return bad_request("bad_cursor", words, errors=[FieldError("", "not a cursor", parameter="cursor")])


def _value(raw: object) -> CursorValue:
    match raw:
        case {"t": str(text)}:
            return parse_instant(text)
        case {"d": str(text)}:
            return date.fromisoformat(text)
        case int() if not isinstance(raw, bool) and not -_LARGEST <= raw <= _LARGEST:
            raise ValueError
        case str() | int() | float() | None:
            if isinstance(raw, str) and "\0" in raw:
                raise ValueError
            return raw
        case _:
            raise ValueError


def decode_cursor(cursor: str, *kinds: type) -> tuple[Any, ...]:
    """The values given to :func:`encode_cursor`. Problem 400 if they cannot be read or are not of these types."""
    try:
        raw = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if not isinstance(raw, list):
            raise ValueError
        values = tuple(_value(item) for item in raw)
    except (ValueError, TypeError, RecursionError) as error:
        raise _bad_cursor() from error
    if kinds and (len(values) != len(kinds) or not all(map(_is, values, kinds))):
        raise _bad_cursor()
    return values


def _is(value: object, kind: type) -> bool:
    """Whether it is of exactly this kind: a truth value is no number, and an instant no day."""
    return type(value) is kind or (isinstance(value, kind) and not isinstance(value, bool | datetime))


def link_header(response: Response, request: Request, next_cursor: str | None) -> None:
    """Add ``Link: <...>; rel="next"`` (RFC 8288) if there is a next page."""
    if next_cursor is not None:
        url = request.url.include_query_params(cursor=next_cursor)
        target = f"{url.path}?{url.query}"
        response.headers["Link"] = f'<{target}>; rel="next"'
