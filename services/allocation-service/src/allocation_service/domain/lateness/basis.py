"""What a promise rests on."""

from __future__ import annotations

from enum import StrEnum


class Basis(StrEnum):
    """Stored and published; none is ever renamed."""

    STOCK = "stock"
    """Units that are there, and wait for others that must come too, for a release or for their turn."""
    INBOUND = "inbound"
    """Deliveries that suppliers announced."""
    LEAD_TIME = "lead_time"
    """The lead time alone: nothing that was announced covers the units."""
