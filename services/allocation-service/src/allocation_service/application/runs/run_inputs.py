"""What a run goes by, and how it is told that this has changed between its preview and its commit."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import orjson

from allocation_service.domain.policies.policy import Location
from allocation_service.domain.promising.promise_renewal import PromiseOutlook
from allocation_service.domain.runs.run import RunDemand, RunSelection, Segment, Stock, select
from allocation_service.domain.runs.run_document import segment_document
from allocation_service.domain.supply.sku import Sku

MAX_DEMANDS = 250_000
"""Demands that one run may look at: they are held in memory, and their SKUs are locked while it is committed."""


class Inputs(NamedTuple):
    """Who takes part, and of which SKUs what is there and expected."""

    selection: RunSelection
    stocks: dict[str, Stock]
    outlooks: dict[str, PromiseOutlook]


class Digests(NamedTuple):
    """SHA-256 of the three kinds of inputs of one SKU."""

    stock: str
    promises: str
    demand: str


WORDS = {
    "stock": "its stock, policy or next delivery",
    "promises": "what is promised or inbound",
    "demand": "the demand that takes part",
}
"""What each of the digests stands for."""


def moving_skus(selection: RunSelection) -> list[str]:
    """SKUs of which a run can move units."""
    return sorted({one.candidate.sku for one in selection.movable})


def inputs_of(skus: Mapping[str, Sku], selection: RunSelection, now: datetime, grace_days: int) -> Inputs:
    """Everything a run at this moment depends on, of SKUs as they are."""
    stocks, outlooks = {}, {}
    for name in moving_skus(selection):
        sku = skus[name]
        next_supply = sku.next_supply(now, grace_days)
        locations = tuple(
            Location(level.location, level.priority, level.to_give)
            for level in sorted(sku.levels.values(), key=lambda one: one.location)
        )
        stocks[name] = Stock(name, locations, sku.policy, next_supply, sku.lead_time_days)
        outlooks[name] = sku.outlook(grace_days)
    return Inputs(selection, stocks, outlooks)


def selected(candidates: Iterable[RunDemand], segments: Sequence[Segment]) -> RunSelection:
    """Who takes part, in one order whatever the store's."""
    found = select(candidates, segments)
    return found._replace(
        movable=tuple(sorted(found.movable, key=lambda one: one.candidate.line_id)),
        untouched=tuple(sorted(found.untouched, key=lambda pair: pair[0].candidate.line_id)),
    )


def digests_of(inputs: Inputs, now: datetime) -> dict[str, Digests]:
    """One for each SKU a run moves units of; promises count the day, for they are made from it."""
    demand = {sku: hashlib.sha256() for sku in inputs.stocks}
    for assigned in inputs.selection.movable:
        demand[assigned.candidate.sku].update(orjson.dumps(assigned, default=list))
    return {
        sku: Digests(
            _digest(stock),
            _digest((now.date(), _plain(inputs.outlooks[sku]))),
            demand[sku].hexdigest(),
        )
        for sku, stock in inputs.stocks.items()
    }


def _plain(outlook: PromiseOutlook) -> dict[str, Any]:
    promised, claimed = list(outlook.promised.items()), list(outlook.claimed.items())
    return outlook._asdict() | {"promised": promised, "claimed": claimed}


def digest_of(digests: Mapping[str, Digests], segments: Sequence[Segment]) -> str:
    """One for the whole run: its segments and all that it goes by."""
    return _digest((sorted(digests.items()), [segment_document(one) for one in segments]))


def _digest(value: Any) -> str:
    return hashlib.sha256(orjson.dumps(value, default=list)).hexdigest()
