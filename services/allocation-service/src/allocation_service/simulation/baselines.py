"""How well-known open systems hand stock to waiting orders, as far as their sort keys say.

Each serves its queue from the top, as far as the stock reaches, partial quantities included.

- **Odoo** (``stock.move``): a receipt reserves the confirmed moves by ``priority desc, date asc, id asc``.
  ``priority`` is a flag, normal or urgent; ``date`` is the scheduled date. Here the best tier is urgent
  and the scheduled date is the date the line is due. (Its scheduler puts ``reservation_date`` before
  that; with reservation at confirmation this is the day of the order, which is nearly first come.)
- **OFBiz** (``balanceInventoryItems``): reservations are made anew by ``priority, currentPromisedDate,
  reservedDatetime, sequenceId``. ``priority`` is empty unless a clerk sets it; the promised date is
  the date the line is due.
- **Spree** (``StockItem#process_backorders``): backordered inventory units by ``created_at``, each
  unit of a line being a row of its own: first come, first served.
"""

from __future__ import annotations

from collections.abc import Callable

from allocation_service.simulation.running import SimulatedSku
from allocation_service.simulation.streams import StreamLine

Key = Callable[[StreamLine], tuple[float | str, ...]]


class Sorted:
    """Serves the queue in the order of a key that never changes."""

    def __init__(self, name: str, key: Key) -> None:
        self.name, self._key = name, key

    def grants(self, simulated: SimulatedSku) -> list[tuple[int, int]]:
        """From the top, as far as what is free reaches."""
        free, given = simulated.free, []
        for number in sorted(simulated.waiting, key=lambda one: self._key(simulated.lines[one])):
            units = min(free, simulated.waiting[number])
            given.append((number, units))
            free -= units
            if not free:
                break
        return given


def odoo(line: StreamLine) -> tuple[float | str, ...]:
    """Urgent first, then the scheduled date, then the sequence of entry."""
    return (0.0 if line.tier == 0 else 1.0, line.due, line.placed, line.line_id)


def ofbiz(line: StreamLine) -> tuple[float | str, ...]:
    """The promised date, then when it was reserved, then the sequence of entry."""
    return (line.due, line.placed, line.line_id)


def spree(line: StreamLine) -> tuple[float | str, ...]:
    """When the units were backordered."""
    return (line.placed, line.line_id)


BASELINES: dict[str, Key] = {"odoo": odoo, "ofbiz": ofbiz, "spree": spree}
