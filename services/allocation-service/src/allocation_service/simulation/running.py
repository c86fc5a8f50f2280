"""The history of one SKU under one policy, event by event."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from allocation_service.simulation.streams import StreamLine
from allocation_service.simulation.supply import Buyer, SupplyDelivery

_RECEIVED, _PLACED, _LEFT, _LOOKED, _REVIEWED = range(5)


class Served(NamedTuple):
    """Units of a line that were granted at a moment."""

    line: int
    units: int
    at: float


class SimulatedSku(NamedTuple):
    """What a contender may know at a moment: nothing of patience, nothing of the future.

    ``waiting``: units by the line's number, in the order they came; ``placed``: all lines until now.
    """

    now: float
    free: int
    waiting: dict[int, int]
    lines: Sequence[StreamLine]
    placed: int
    inbound: Sequence[SupplyDelivery]

    @property
    def next_supply(self) -> float | None:
        """When the next delivery is expected by what is known now; None where none is on its way."""
        return min((one.expected(self.now) for one in self.inbound), default=None)


class Contender(Protocol):
    """A way to hand out what is free."""

    def grants(self, simulated: SimulatedSku) -> list[tuple[int, int]]:
        """(line number, units) pairs; never more than is free or waits."""
        ...


class History(NamedTuple):
    """What became of the lines of a SKU, and the supply that was there."""

    served: tuple[Served, ...]
    opening: int
    deliveries: tuple[SupplyDelivery, ...]


class _Run:
    def __init__(self, lines: Sequence[StreamLine], contender: Contender, days: float) -> None:
        self._lines, self._contender, self._days = lines, contender, days
        self._events: list[tuple[float, int, int]] = []
        self._waiting: dict[int, int] = {}
        self._inbound: dict[int, SupplyDelivery] = {}
        self._deliveries: list[SupplyDelivery] = []
        self._served: list[Served] = []
        self._free = self._placed = 0
        for number, line in enumerate(lines):
            self._events += [(line.placed, _PLACED, number), (line.leaves, _LEFT, number)]
        self._events += [(float(day), _LOOKED, day) for day in range(1, int(days))]

    def run(self, opening: int, deliveries: Sequence[SupplyDelivery], buyer: Buyer | None) -> History:
        self._free = opening
        if buyer is not None:
            self._events += [(float(day), _REVIEWED, day) for day in range(7, int(self._days), 7)]
        self._events = [event for event in self._events if event[0] < self._days]
        heapq.heapify(self._events)
        ordered = sorted(deliveries)
        self._expect([one for one in ordered if one.ordered <= 0.0 or buyer is not None])
        later = [one for one in ordered if one.ordered > 0.0 and buyer is None]
        later.reverse()
        while self._events:
            now, kind, number = heapq.heappop(self._events)
            while later and later[-1].ordered <= now:
                self._expect([later.pop()])
                heapq.heappush(self._events, (now, kind, number))
                now, kind, number = heapq.heappop(self._events)
            self._happen(now, kind, number, buyer)
        return History(tuple(self._served), opening, tuple(self._deliveries))

    def _expect(self, deliveries: Sequence[SupplyDelivery]) -> None:
        for one in deliveries:
            number = len(self._deliveries)
            self._deliveries.append(one)
            self._inbound[number] = one
            if one.at < self._days:
                heapq.heappush(self._events, (one.at, _RECEIVED, number))

    def _happen(self, now: float, kind: int, number: int, buyer: Buyer | None) -> None:
        if kind == _RECEIVED:
            units = self._inbound.pop(number).units
            self._free += units
            if buyer is not None:
                buyer.on_order -= units
        elif kind == _PLACED:
            self._waiting[number] = self._lines[number].quantity
            self._placed = number + 1
            if buyer is not None:
                buyer.demanded(self._lines[number].quantity, now)
        elif kind == _LEFT:
            self._waiting.pop(number, None)
            return
        elif kind == _REVIEWED and buyer is not None:
            self._expect(buyer.review(now, self._free, sum(self._waiting.values())))
            return
        self._fill(now)

    def _fill(self, now: float) -> None:
        if not self._free or not self._waiting:
            return
        simulated = SimulatedSku(
            now, self._free, self._waiting, self._lines, self._placed, tuple(self._inbound.values())
        )
        for number, units in self._contender.grants(simulated):
            left = self._waiting[number] - units
            self._free -= units
            if units <= 0 or left < 0 or self._free < 0:
                raise AssertionError(f"{self._contender} gave {units} of {self._lines[number].line_id}")
            self._served.append(Served(number, units, now))
            if left:
                self._waiting[number] = left
            else:
                del self._waiting[number]


def watched(lines: Sequence[StreamLine], contender: Contender, days: float, buyer: Buyer) -> History:
    """The run that the buyer watches: its deliveries are everyone's supply."""
    opening, first = buyer.opening()
    return _Run(lines, contender, days).run(opening, first, buyer)


def run(lines: Sequence[StreamLine], contender: Contender, days: float, supply: History) -> History:
    """The same lines and the same supply under another contender."""
    return _Run(lines, contender, days).run(supply.opening, supply.deliveries, None)
