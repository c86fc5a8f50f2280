"""How a SKU may be sold when its stock does not suffice."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple


class Terms(NamedTuple):
    """How a SKU is sold past stock: its mode, the most units that may wait, and the units that wait now. Of a preorder,
    the day before which nothing may leave."""

    mode: str
    cap: int | None
    waiting: int
    release_date: date | None = None
