"""The catalogue of the simulated shop: SKUs with selling policies, suppliers, locations, opening stock.

Everything is drawn from the stream of orders and a seed: the same two give the same shop.
"""

from __future__ import annotations

import math
import random
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from backorder_workload.replay.order_stream import StreamOrder

KNOWN_DAYS = 28
"""The buyer's estimate of a SKU's demand uses this many days of its sales."""

_LARGEST_GUESS = 500  # units of a line that count: a single huge order says little about the rate
_CATEGORIES = ("kitchen", "garden", "paper", "toys", "lights", "textiles")


@dataclass(frozen=True, slots=True)
class Location:
    """A warehouse or store. Those with a lower priority number are used first."""

    location_id: str
    name: str
    priority: int


@dataclass(frozen=True, slots=True)
class Supplier:
    """Takes orders on its weekday and delivers `lead_time_days` later on average.

    Lead times are log-normal; `spread` is their coefficient of variation.
    """

    supplier_id: str
    name: str
    weekday: int
    lead_time_days: float
    spread: float

    @property
    def stated_days(self) -> int:
        """The lead time that the supplier states."""
        return math.ceil(self.lead_time_days)


@dataclass(frozen=True, slots=True)
class Sku:
    """A stocked article and its selling policy."""

    code: str
    supplier_id: str
    location_id: str
    category: str
    mode: str
    cap: int | None
    release_at: datetime | None
    lead_time_days: int
    daily_guess: float
    opening_units: int
    unit_price: int


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The shop before the first order."""

    locations: tuple[Location, ...]
    suppliers: tuple[Supplier, ...]
    skus: dict[str, Sku]
    opened_on: date

    def skus_of(self, supplier_id: str) -> list[Sku]:
        """The SKUs of a supplier, in a stable order."""
        return [sku for sku in self.skus.values() if sku.supplier_id == supplier_id]


_LOCATIONS = (
    Location("LONDON", "London warehouse", 10),
    Location("LEEDS", "Leeds warehouse", 20),
    Location("BRISTOL", "Bristol store", 30),
    Location("GLASGOW", "Glasgow store", 40),
)
MOST_LOCATIONS = len(_LOCATIONS)


def draw_catalogue(orders: Iterable[StreamOrder], *, seed: int, locations: int = 2) -> Catalogue:
    """Draw the catalogue for a stream. ValueError for a stream without orders or an impossible number of locations."""
    if not 1 <= locations <= MOST_LOCATIONS:
        raise ValueError(f"locations must be between 1 and {MOST_LOCATIONS}")
    first_sold: dict[str, datetime] = {}
    prices: dict[str, int] = {}
    early_units: defaultdict[str, int] = defaultdict(int)
    start = None
    for order in orders:
        start = start or order.placed_at
        for line in order.lines:
            first = first_sold.setdefault(line.sku, order.placed_at)
            prices.setdefault(line.sku, line.unit_price)
            if order.placed_at < first + timedelta(days=KNOWN_DAYS):
                early_units[line.sku] += min(line.quantity, _LARGEST_GUESS)
    if start is None:
        raise ValueError("no orders to replay")
    opened_on = start.date() - timedelta(days=1)
    suppliers = _draw_suppliers(len(first_sold), seed)
    places = _LOCATIONS[:locations]
    skus = {
        code: _draw_sku(
            code,
            early_units=early_units[code],
            first_sold=first_sold[code],
            unit_price=prices[code],
            suppliers=suppliers,
            places=places,
            opened_on=opened_on,
            seed=seed,
        )
        for code in sorted(first_sold)
    }
    return Catalogue(places, suppliers, skus, opened_on)


def _draw_suppliers(skus: int, seed: int) -> tuple[Supplier, ...]:
    pick = random.Random(f"suppliers:{seed}")
    count = max(2, min(30, skus // 60))
    return tuple(
        Supplier(
            supplier_id=f"SUP-{number:02d}",
            name=f"Supplier {number}",
            weekday=number % 5,
            lead_time_days=pick.uniform(4, 18),
            spread=pick.uniform(0.2, 0.55),
        )
        for number in range(1, count + 1)
    )


def _draw_sku(
    code: str,
    *,
    early_units: int,
    first_sold: datetime,
    unit_price: int,
    suppliers: tuple[Supplier, ...],
    places: tuple[Location, ...],
    opened_on: date,
    seed: int,
) -> Sku:
    pick = random.Random(f"sku:{seed}:{code}")
    supplier = pick.choice(suppliers)
    place = places[0] if len(places) == 1 or pick.random() < 0.75 else pick.choice(places[1:])
    daily_guess = early_units / KNOWN_DAYS
    mode, cap, release_at = "backorder", None, None
    draw = pick.random()
    if draw < 0.08:
        mode = "stock_only"
    elif draw < 0.18:
        cap = max(10, round(daily_guess * pick.uniform(5, 20)))
    elif draw < 0.21:
        mode = "preorder"
        release = max(first_sold.date(), opened_on) + timedelta(days=pick.randint(5, 15))
        release_at = datetime.combine(release, time(0), UTC)
    cover = pick.uniform(3, 30) * pick.lognormvariate(0, 0.4)
    return Sku(
        code=code,
        supplier_id=supplier.supplier_id,
        location_id=place.location_id,
        category=pick.choice(_CATEGORIES),
        mode=mode,
        cap=cap,
        release_at=release_at,
        # Promised if nothing is inbound: the supplier's lead time, the week until the next order, some slack.
        lead_time_days=supplier.stated_days + 7 + math.ceil(supplier.lead_time_days * supplier.spread),
        daily_guess=daily_guess,
        opening_units=0 if mode == "preorder" else max(1, round(daily_guess * cover)),
        unit_price=unit_price,
    )
