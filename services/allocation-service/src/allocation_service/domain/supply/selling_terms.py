"""How a SKU may be sold when its stock does not suffice."""

from __future__ import annotations

from typing import NamedTuple


class Terms(NamedTuple):
    """How a SKU is sold past stock: its mode, the most units that may wait, and the units that wait now."""

    mode: str
    cap: int | None
    waiting: int
