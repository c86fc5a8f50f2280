"""What the services tell each other, for tests of any of them: events as the neighbours of a service publish them."""

from tests.scenario.allocation_events import AllocationEventName, AllocationEvents, AnswerTerms, LineAnswer
from tests.scenario.inventory_events import InventoryEvents, KnownLevel
from tests.scenario.neighbours import Neighbours
from tests.scenario.order_events import OrderEvents, OrderRecord, OrderTerms
from tests.scenario.outbox import take_outbox
from tests.scenario.timeline import START, Timeline, WallClock

__all__ = [
    "START",
    "AllocationEventName",
    "AllocationEvents",
    "AnswerTerms",
    "InventoryEvents",
    "KnownLevel",
    "LineAnswer",
    "Neighbours",
    "OrderEvents",
    "OrderRecord",
    "OrderTerms",
    "Timeline",
    "WallClock",
    "take_outbox",
]
