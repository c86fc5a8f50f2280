"""The neighbours of a service under test."""

from __future__ import annotations

from dataclasses import dataclass

from tests.scenario.allocation_events import AllocationEvents
from tests.scenario.inventory_events import InventoryEvents
from tests.scenario.order_events import OrderEvents


@dataclass(kw_only=True)
class Neighbours(InventoryEvents, OrderEvents, AllocationEvents):
    """Makes the events of all services on one timeline; a test delivers them when, and as often as, it likes."""
