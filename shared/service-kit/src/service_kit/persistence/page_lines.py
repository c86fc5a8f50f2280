"""How large a page of documents with lines may become.

A page of 500 orders with 1,000 lines each would be 200 MB of text, for one cheap request. A page therefore ends after
PAGE_LINES lines, with the document in which that number is reached, and the next one continues after it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

T = TypeVar("T")

PAGE_LINES = 2000
"""Lines after which a page ends, whatever its limit; a document is never divided, so it may have one more document."""


def within_lines(ids: Sequence[str], lines_of: Mapping[str, int]) -> list[str]:
    """The first of ``ids`` that a page may hold: each before which fewer than PAGE_LINES lines stand."""
    kept: list[str] = []
    lines = 0
    for one in ids:
        if lines >= PAGE_LINES:
            break
        kept.append(one)
        lines += lines_of.get(one, 0)
    return kept


def page_is_cut(shown: Sequence[T], lines: int, found: int) -> bool:
    """Whether a page that shows ``shown`` of ``found`` documents, with so many ``lines``, may have one after it."""
    return found > len(shown) or lines >= PAGE_LINES
