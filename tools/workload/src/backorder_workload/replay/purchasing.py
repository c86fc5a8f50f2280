"""The simulated buyer's weekly base-stock purchase orders, from trailing demand, and the suppliers' deliveries."""

from __future__ import annotations

import math
import random
from collections import defaultdict, deque
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from backorder_workload.replay.catalogue import KNOWN_DAYS, Catalogue, Sku, Supplier

_LARGEST_DAY = 1_000  # units a day that count for the forecast; one huge order is no trend
_SAFETY = 1.0  # standard deviations of demand over lead time and review


class StockPosition:
    """Inventory position per SKU: on hand plus on order minus waiting units."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._position = {code: sku.opening_units for code, sku in catalogue.skus.items()}
        self._demand: defaultdict[str, deque[tuple[date, int]]] = defaultdict(deque)

    def demanded(self, sku: str, units: int, on: date) -> None:
        """Count units that customers ordered."""
        self._position[sku] -= units
        days = self._demand[sku]
        if days and days[-1][0] == on:
            units += days.pop()[1]
        days.append((on, units))

    def changed(self, sku: str, units: int) -> None:
        """Add units that were ordered, returned or no longer demanded; subtract those closed short or lost."""
        self._position[sku] += units

    def to_order(self, sku: Sku, supplier: Supplier, today: date) -> int:
        """Units to order, so that the position reaches the base stock; 0 if it already does."""
        days = self._demand[sku.code]
        while days and days[0][0] <= today - timedelta(days=KNOWN_DAYS):
            days.popleft()
        history = [min(units, _LARGEST_DAY) for _, units in days]
        observed = min(KNOWN_DAYS, max(1, (today - self._catalogue.opened_on).days))
        trailing = sum(history) / observed
        # The initial estimate is blended in until there is enough history.
        weight = observed / KNOWN_DAYS
        mean = weight * trailing + (1 - weight) * sku.daily_guess
        variance = sum(units * units for units in history) / observed - trailing * trailing
        horizon = supplier.lead_time_days + 7
        target = mean * horizon + _SAFETY * math.sqrt(max(0.0, variance) * horizon)
        return max(0, math.ceil(target) - self._position[sku.code])


@dataclass(frozen=True, slots=True)
class PlannedLine:
    """A line of a purchase order that is yet to be placed."""

    sku: str
    quantity: int


@dataclass(frozen=True, slots=True)
class PlannedOrder:
    """A purchase order to place, at one supplier and for one location."""

    reference: str
    supplier_id: str
    location_id: str
    ordered_at: datetime
    eta: date
    lines: tuple[PlannedLine, ...]


@dataclass(frozen=True, slots=True)
class Slip:
    """The supplier announces another date for a purchase order."""

    reference: str
    day: date
    eta: date


@dataclass(frozen=True, slots=True)
class Delivery:
    """Arriving units as (line index, quantity); `closes` lists lines whose remainder will never be delivered."""

    reference: str
    arrives_at: datetime
    part: int
    units: tuple[tuple[int, int], ...]
    closes: tuple[int, ...] = ()

    @property
    def day(self) -> date:
        """The day of arrival."""
        return self.arrives_at.date()


@dataclass(frozen=True, slots=True)
class SupplierPlan:
    """What a supplier will do about a purchase order; the shop learns it day by day."""

    slips: tuple[Slip, ...]
    deliveries: tuple[Delivery, ...]


def plan_purchases(catalogue: Catalogue, position: StockPosition, today: date, run: str) -> list[PlannedOrder]:
    """The day's purchase orders, one per location and supplier of the weekday; adds them to the position."""
    planned: list[PlannedOrder] = []
    ordered_at = datetime.combine(today, time(22), UTC)
    for supplier in catalogue.suppliers:
        if supplier.weekday != today.weekday():
            continue
        wanted: defaultdict[str, list[PlannedLine]] = defaultdict(list)
        for sku in catalogue.skus_of(supplier.supplier_id):
            if units := position.to_order(sku, supplier, today):
                wanted[sku.location_id].append(PlannedLine(sku.code, units))
                position.changed(sku.code, units)
        eta = today + timedelta(days=supplier.stated_days)
        for location_id, lines in sorted(wanted.items()):
            reference = f"{run}-PO-{supplier.supplier_id}-{location_id}-{today.isoformat()}"
            planned.append(PlannedOrder(reference, supplier.supplier_id, location_id, ordered_at, eta, tuple(lines)))
    return planned


def plan_deliveries(order: PlannedOrder, supplier: Supplier, *, seed: int, run: str) -> SupplierPlan:
    """What the supplier does: when it delivers, whether it announces a delay, in how many parts, how many units."""
    pick = random.Random(f"deliveries:{seed}:{order.reference.removeprefix(run)}")
    sigma = math.sqrt(math.log1p(supplier.spread**2))
    lead = pick.lognormvariate(math.log(supplier.lead_time_days) - sigma * sigma / 2, sigma)
    if pick.random() < 0.04:
        lead += 14  # a disruption: a ship missed, a strike
    ordered_on = order.ordered_at.date()
    arrives = ordered_on + timedelta(days=max(1, round(lead)))
    slips: list[Slip] = []
    if arrives > order.eta and pick.random() < 0.75:
        announced = max(ordered_on + timedelta(days=1), order.eta - timedelta(days=pick.randint(0, 3)))
        slips.append(Slip(order.reference, announced, arrives + timedelta(days=pick.randint(0, 2))))
    elif arrives < order.eta and pick.random() < 0.2:
        slips.append(Slip(order.reference, max(ordered_on + timedelta(days=1), arrives - timedelta(days=1)), arrives))
    return SupplierPlan(tuple(slips), _split(order, arrives, pick))


def _split(order: PlannedOrder, arrives: date, pick: random.Random) -> tuple[Delivery, ...]:
    """One or two deliveries. A line may be delivered short and then closed, or over-delivered."""
    in_parts = pick.random() < 0.2
    share = pick.uniform(0.4, 0.8)
    first: list[tuple[int, int]] = []
    second: list[tuple[int, int]] = []
    closes: list[int] = []
    for index, line in enumerate(order.lines):
        arriving = line.quantity
        draw = pick.random()
        if draw < 0.04:
            arriving = math.floor(line.quantity * pick.uniform(0.5, 0.95))
            closes.append(index)
        elif draw < 0.07:
            arriving += math.ceil(line.quantity * pick.uniform(0.01, 0.1))
        now = math.ceil(arriving * share) if in_parts else arriving
        if now:
            first.append((index, now))
        if arriving > now:
            second.append((index, arriving - now))
    moment = datetime.combine(arrives, time(6), UTC) + timedelta(minutes=pick.randrange(60))
    later = moment + timedelta(days=pick.randint(2, 6))
    late_lines = {index for index, _ in second}
    deliveries = [
        Delivery(order.reference, moment, 1, tuple(first), tuple(i for i in closes if i not in late_lines)),
        Delivery(order.reference, later, 2, tuple(second), tuple(i for i in closes if i in late_lines)),
    ]
    return tuple(delivery for delivery in deliveries if delivery.units or delivery.closes)
