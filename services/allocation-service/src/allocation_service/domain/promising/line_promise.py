"""What a line was promised, and what that promise rests on; counted per SKU, so that no queue has to be read for it."""

from __future__ import annotations

from collections.abc import MutableMapping
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple, TypeVar

from allocation_service.domain.promising.promise_dates import UNDATED

Day = TypeVar("Day")


class LinePromise(NamedTuple):
    """The promise of the units of a line that wait. ``promise_date``: what the customer was told last.
    ``claim_date``: the day from which they claim supply (see ``promise_dates``). ``backed``: known supply covers them;
    or else the promise rests on the lead time alone."""

    promise_date: date | None = None
    claim_date: date = UNDATED
    backed: bool = False


NO_PROMISE = LinePromise()
"""Of a line that has not been promised anything."""


class CountedUnits(NamedTuple):
    """Units of a day; ``backed`` of them rest on known supply."""

    units: int = 0
    backed: int = 0

    def plus(self, units: int, backed: int) -> CountedUnits:
        """With some more, or fewer."""
        return CountedUnits(self.units + units, self.backed + backed)


@dataclass(slots=True)
class PromiseCounters:
    """The waiting units of a SKU, by the dates that they are promised for and by those that they claim."""

    promised: dict[date, CountedUnits] = field(default_factory=dict)
    claimed: dict[date, CountedUnits] = field(default_factory=dict)

    def count(self, promise: LinePromise, units: int) -> None:
        """Add units that wait with a promise, or (negative) take them off."""
        backed = units if promise.backed else 0
        if promise.promise_date is not None:
            add(self.promised, promise.promise_date, units, backed)
        add(self.claimed, promise.claim_date, units, backed)

    def promised_units(self) -> dict[date, int]:
        """Units by the dates that they are promised for."""
        return {day: one.units for day, one in self.promised.items()}

    def promised_backed(self) -> dict[date, int]:
        """The backed ones of these."""
        return {day: one.backed for day, one in self.promised.items() if one.backed}

    def claimed_units(self) -> dict[date, int]:
        """Units by the dates from which they claim supply, those without a date among them (``UNDATED``)."""
        return {day: one.units for day, one in self.claimed.items()}

    def claimed_backed(self) -> dict[date, int]:
        """The backed ones of these."""
        return {day: one.backed for day, one in self.claimed.items() if one.backed}

    @property
    def backed_units(self) -> int:
        """All units that known supply backs."""
        return sum([one.backed for one in self.claimed.values()])


def add(days: MutableMapping[Day, CountedUnits], day: Day, units: int, backed: int) -> None:
    """Count units on a day; days without any are left out."""
    found = days.get(day, CountedUnits()).plus(units, backed)
    if any(found):
        days[day] = found
    else:
        days.pop(day, None)
