"""How late deliveries are, and how surely one arrives in time, from nothing but what past ones did.

Of n past deliveries that cannot be told from the next one, k came at most s days after their date: then the
next one does so, too, with a probability of at least k/(n+1), whatever the distribution, and of at most
(k+1)/(n+1) (the rank argument of split conformal prediction; Vovk, Gammerman and Shafer, 2005). So 99 % takes 99
deliveries without a single late one, or 199 with one.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from typing import NamedTuple

WINDOW = 400
"""Deliveries that count, the newest ones."""

WINDOW_DAYS = 1_095
"""How far back the dates may lie that deliveries were announced for: three years."""


class Lateness(NamedTuple):
    """Days between the date announced and the arrival, ascending (early ones negative). ``missing`` never came,
    or have not yet although their date is over: in time they are for nobody."""

    days: tuple[int, ...] = ()
    missing: int = 0

    @property
    def observations(self) -> int:
        """Deliveries to judge by."""
        return len(self.days) + self.missing

    def within(self, slack: int) -> int:
        """How many came at most ``slack`` days after their date."""
        return bisect_right(self.days, slack)


def lateness(outcomes: Iterable[int | None]) -> Lateness:
    """From days late, None where a delivery did not come."""
    found = list(outcomes)
    days = tuple(sorted(one for one in found if one is not None))
    return Lateness(days, len(found) - len(days))


class Evidence(NamedTuple):
    """What is known of a supplier's deliveries, and of everybody's, when they were as far ahead as this one."""

    own: Lateness = Lateness()
    everybody: Lateness = Lateness()


class Chance(NamedTuple):
    """A lower bound of a probability, ``numerator`` / ``denominator``, and whose deliveries it comes from."""

    numerator: int
    denominator: int
    source: str

    @property
    def observations(self) -> int:
        """Deliveries it was judged by."""
        return self.denominator - 1

    def reaches(self, percent: int) -> bool:
        """Whether it is at least that much; whole numbers only, so that it is the same everywhere."""
        return 100 * self.numerator >= percent * self.denominator


SUPPLIER, EVERYBODY = "supplier", "all"


def least_observations(percent: int, least: int) -> int:
    """Deliveries below which that probability cannot be shown, even if all of them were in time."""
    return max(least, -(-percent // (100 - percent)))


def chance_of_arrival(evidence: Evidence, slack: int, percent: int, least: int) -> Chance | None:
    """How surely a delivery comes at most ``slack`` days after its date; None with too few to judge by.

    By its supplier's deliveries, where they are enough to show ``percent``; else by everybody's, but never more
    than the supplier's own allow: those few that there are must not speak against it.
    """
    own, needed = evidence.own, least_observations(percent, least)
    if own.observations >= needed:
        return Chance(own.within(slack), own.observations + 1, SUPPLIER)
    pool = evidence.everybody
    if pool.observations < needed:
        return None
    found = Chance(pool.within(slack), pool.observations + 1, EVERYBODY)
    at_most = Chance(own.within(slack) + 1, own.observations + 1, SUPPLIER)
    if at_most.numerator * found.denominator < found.numerator * at_most.denominator:
        return at_most
    return found
