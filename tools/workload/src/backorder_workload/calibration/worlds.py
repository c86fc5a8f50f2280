"""The worlds that promises are tried in: what suppliers do that nothing prepared the shop for."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta

from backorder_workload.replay.purchasing import Delivery, PlannedOrder, Slip, SupplierPlan

Change = Callable[[PlannedOrder, SupplierPlan, date, int], SupplierPlan]
"""What becomes of a supplier's plan; with the first day of the world and its seed."""


@dataclass(frozen=True, slots=True)
class World:
    """``change``: what suppliers do. ``target``: per cent of first dates to be kept; None takes suppliers at their
    word. ``judged``: the days, from the beginning, on which the dates are named that are judged (None: all).
    ``told``: purchase orders are known to the system; otherwise only lead times are.
    """

    name: str
    meaning: str
    change: Change | None = None
    target: int | None = 95
    judged: tuple[int, int] | None = None
    told: bool = True


_CHANGED_FROM = 60
"""Days after which a world changes: until then, the shop has learned another one."""
_STRIKE = (90, 120)
_STRIKING = 0.6
_WORSE_DAYS, _SHORT_SHARE = 7, 0.8


def _changed(order: PlannedOrder, opened_on: date) -> bool:
    return (order.ordered_at.date() - opened_on).days >= _CHANGED_FROM


def _moved(plan: SupplierPlan, days: Callable[[date], int]) -> SupplierPlan:
    """Deliveries and announced dates moved by as many days as their day says; announcements are made when they were."""
    return SupplierPlan(
        tuple(replace(slip, eta=slip.eta + timedelta(days=days(slip.eta))) for slip in plan.slips),
        tuple(replace(one, arrives_at=one.arrives_at + timedelta(days=days(one.day))) for one in plan.deliveries),
    )


def worse(order: PlannedOrder, plan: SupplierPlan, opened_on: date, _: int) -> SupplierPlan:
    """Everything comes seven days later than it would have, and the dates stated are the old ones."""
    return _moved(plan, lambda _: _WORSE_DAYS) if _changed(order, opened_on) else plan


def silent(order: PlannedOrder, plan: SupplierPlan, opened_on: date, _: int) -> SupplierPlan:
    """No delay is announced any more."""
    return replace(plan, slips=()) if _changed(order, opened_on) else plan


def short(order: PlannedOrder, plan: SupplierPlan, opened_on: date, _: int) -> SupplierPlan:
    """A fifth of every line is not delivered, and the line is closed."""
    if not _changed(order, opened_on):
        return plan
    units = {index: math.floor(line.quantity * _SHORT_SHARE) for index, line in enumerate(order.lines)}
    last = max((one.arrives_at for one in plan.deliveries), default=None)
    if last is None:
        return plan
    whole = Delivery(
        order.reference, last, 1, tuple((index, some) for index, some in units.items() if some), tuple(units)
    )
    return replace(plan, deliveries=(whole,))


def strike(order: PlannedOrder, plan: SupplierPlan, opened_on: date, seed: int) -> SupplierPlan:
    """Nothing comes from six suppliers in ten for a month; what was due then comes in the week after it."""
    pick = random.Random(f"strike:{seed}:{order.supplier_id}")
    first, last = (opened_on + timedelta(days=days) for days in _STRIKE)
    if pick.random() >= _STRIKING:
        return plan
    after = random.Random(f"strike:{seed}:{order.reference}").randint(1, 7)

    def days(day: date) -> int:
        return (last - day).days + after if first <= day < last else 0

    moved = _moved(plan, days)
    # Who strikes announces nothing; what was announced before the strike stays.
    return replace(moved, slips=tuple(_not_in(moved.slips, first, last)))


def _not_in(slips: tuple[Slip, ...], first: date, last: date) -> list[Slip]:
    return [slip for slip in slips if not first <= slip.day < last]


WORLDS = (
    World("as it is", "suppliers as in `backorder replay`, after the first month", judged=(30, 10_000)),
    World("announced", "the same, every date taken as announced", target=None),
    World("worse", "seven days later from the third month on, without a word", worse, judged=(60, 10_000)),
    World("silent", "delays are not announced any more", silent, judged=(60, 10_000)),
    World("short", "a fifth of everything is not delivered", short, judged=(60, 10_000)),
    World("strike", "a month without deliveries from 60 % of the suppliers", strike, judged=_STRIKE),
    World("after the strike", "what is promised after it", strike, judged=(_STRIKE[1], 10_000)),
    World("first fortnight", "nothing has been learned yet", judged=(0, 14)),
    World("target 90", "one date in ten may be missed", target=90),
    World("no purchase orders", "only lead times are known", told=False),
)
