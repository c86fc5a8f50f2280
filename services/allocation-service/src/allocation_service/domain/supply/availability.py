"""What a shopper may be told about a SKU, in the storefront's words."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import NamedTuple

from allocation_service.domain.promising.promise_dates import PromisedDate
from allocation_service.domain.supply.sku import Sku


class State(StrEnum):
    """Backorder has a date; without one, an article is out of stock."""

    IN_STOCK = "in_stock"
    BACKORDER = "backorder"
    PREORDER = "preorder"
    OUT_OF_STOCK = "out_of_stock"


class Availability(NamedTuple):
    """``backorder_remaining`` is None where the SKU has no cap."""

    sku: str
    known: bool
    state: State
    available_quantity: int
    backorder_remaining: int | None
    promise_date: date | None
    confidence: int | None = None
    """Per cent: a lower bound of the probability that the units are there by then; None where dates are taken as
    announced, and for what is there."""
    ship_by: date | None = None
    """By when the units leave; None where no location that may ship them has a calendar."""


def availability(name: str, sku: Sku | None, quantity: int, now: datetime, grace_days: int) -> Availability:
    """Whether ``quantity`` units can be had now or by when; counters only, however long the queue."""
    if sku is None or not sku.known:
        return Availability(name, False, State.OUT_OF_STOCK, 0, 0, None)
    free = sku.open_stock if sku.mode != "discontinued" else 0
    if free and sku.waiting_units:
        free = min(free, sku.uncommitted(now, grace_days))
    remaining = _remaining(sku)
    release = sku.release_date()
    if free >= quantity and free > 0:
        if release is not None and release > now.date():
            return Availability(name, True, State.PREORDER, free, remaining, release, None, _ship_by(sku, release, now))
        today = now.date()
        return Availability(name, True, State.IN_STOCK, free, remaining, today, None, _ship_by(sku, today, now))
    waits = quantity - free
    found = PromisedDate(None, backed=False)
    if sku.mode in ("backorder", "preorder") and (remaining is None or remaining >= waits):
        found = sku.quote(quantity, now, grace_days)
    if found.day is None:
        return Availability(name, True, State.OUT_OF_STOCK, free, remaining, None)
    state = State.PREORDER if sku.mode == "preorder" else State.BACKORDER
    source = sku.source_of(found.day, now, backed=found.backed)
    confidence = source.confidence if source else None
    leaves = _ship_by(sku, found.day, now)
    return Availability(name, True, state, free, remaining, found.day, confidence, leaves)


def _ship_by(sku: Sku, day: date, now: datetime) -> date | None:
    handling = sku.handling()
    return None if handling is None else handling.ship_by(day, now)


def _remaining(sku: Sku) -> int | None:
    if sku.mode not in ("backorder", "preorder"):
        return 0
    return None if sku.cap is None else max(0, sku.cap - sku.waiting_units)
