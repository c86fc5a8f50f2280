"""The setting of the benchmark: who orders, how long they wait, how supply comes."""

from __future__ import annotations

from typing import NamedTuple

LOSS_DAYS = 30.0
"""What a cancelled unit costs, in days of lateness of a unit of the same weight."""

HORIZON_DAYS = 182
"""Half a year. What still waits at its end is charged with its lateness until then."""


class Tier(NamedTuple):
    """A class of customers: its share of them, its weight, mean patience (exponential) and days until due."""

    name: str
    share: float
    weight: int
    patience_days: float
    due_days: float


TIERS = (
    Tier("gold", 0.03, 4, 40.0, 3.0),
    Tier("silver", 0.17, 2, 30.0, 7.0),
    Tier("bronze", 0.80, 1, 20.0, 14.0),
)
"""Best first."""


class Suppliers(NamedTuple):
    """Lead times are log-normal; a share of the deliveries is disrupted and comes later still."""

    mean_days: float = 14.0
    cv: float = 0.55
    disrupted: float = 0.04
    disruption_days: float = 30.0
    review_days: int = 7


class Scenario(NamedTuple):
    """``cover``: the base-stock level as a share of the demand expected over lead time and review.

    ``eta_error``: standard deviation of the logarithm of (confirmed lead time / real lead time).
    Disruptions are unknown when a date is confirmed; they are told on the day the goods do not come.
    ``patience_from_due``: patience begins to run when the line is due; else when it is placed.
    """

    name: str
    cover: float
    eta_error: float = 0.3
    suppliers: Suppliers = Suppliers()
    patience_from_due: bool = True


SEVERE = Scenario("severe", cover=0.3)
MODERATE = Scenario("moderate", cover=0.85)
SCENARIOS = {one.name: one for one in (SEVERE, MODERATE)}


class Size(NamedTuple):
    """How much is simulated: worlds (one a seed) of so many SKUs."""

    seeds: int = 16
    skus: int = 12
    days: int = HORIZON_DAYS
    first_seed: int = 1


QUICK = Size(seeds=3, skus=4, days=84)
