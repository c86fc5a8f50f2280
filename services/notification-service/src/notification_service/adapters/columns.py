"""Rows as columns: what ``unnest`` takes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any


def columns(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> dict[str, list[Any]]:
    """One list for each name, in the order of the rows; lists are empty where there are no rows."""
    gathered: dict[str, list[Any]] = {name: [] for name in names}
    for row in rows:
        for name, value in zip(names, row, strict=True):
            gathered[name].append(value)
    return gathered
