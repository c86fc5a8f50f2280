"""What allocation's stores in memory hold."""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, date, datetime
from typing import Any, NamedTuple

import orjson
from tests.unit.allocation.in_memory_lateness import AnnouncedDate

from allocation_service.application.policies.policy_choice import DEFAULT, Target
from allocation_service.application.policies.policy_records import Assignment, Version
from allocation_service.application.promising.ports import LocationCalendar
from allocation_service.application.runs.run_records import Pin
from allocation_service.application.session.decision_record import DecisionRow
from allocation_service.application.session.order import Order
from allocation_service.application.session.session_records import DeferredOrder
from allocation_service.domain.demand.line import Line
from allocation_service.domain.lateness.first_promise import FirstPromise, OutcomeState
from allocation_service.domain.lateness.quantile_table import NO_HISTORY, QuantileTable
from allocation_service.domain.lending.loan import KeptLoan
from allocation_service.domain.policies.policy import NO_DATE, Policy
from allocation_service.domain.policies.policy_document import written_document
from allocation_service.domain.promising.line_promise import CountedUnits
from allocation_service.domain.promising.promise_revision import Waiting
from allocation_service.domain.supply.sku import Inbound, Level, Sku

_INSTALLED = datetime(2026, 1, 1, tzinfo=UTC)


class Place(NamedTuple):
    """A place of a queue with all that its rank depends on."""

    line_id: str
    order_id: str
    queued_at: datetime
    quantity: int
    promise_date: date | None
    tier_rank: int
    needed_by: date
    ship_complete: bool
    unit_value: int
    claim_date: date
    backed: bool


class KeptDecision(NamedTuple):
    """A decision as it is stored; ``steps`` are JSON, as are the facts of ``rows``."""

    decision_id: str
    cause: str
    cause_type: str
    decided_at: datetime
    steps: bytes
    rows: tuple[tuple[DecisionRow, bytes], ...]
    skus: frozenset[str]


class PolicyVersion(NamedTuple):
    """A version, and whether the begin and the end of its window have been noted."""

    version: Version
    begun: bool = False
    ended: bool = False


def _first_version() -> PolicyVersion:
    """What a new installation decides by."""
    document = orjson.dumps(written_document(Policy())).decode()
    at, by = _INSTALLED, "migration"
    return PolicyVersion(
        Version("default", 1, document, "active", "", at, by, at, by, None, None, None, None), begun=True
    )


class FirstDate(NamedTuple):
    """The first date that a line was told, and what has become of it."""

    promise: FirstPromise
    state: OutcomeState = OutcomeState.OPEN
    served_on: date | None = None


@dataclass
class AllocationState:
    """Everything that is stored. What stands in a table is never changed in place, only replaced, so that a copy of
    the state is a copy of its tables."""

    skus: dict[str, Sku] = field(default_factory=dict)
    levels: dict[tuple[str, str], Level] = field(default_factory=dict)
    inbound: dict[str, tuple[str, Inbound]] = field(default_factory=dict)
    promised: dict[tuple[str, date], CountedUnits] = field(default_factory=dict)
    claimed: dict[tuple[str, date], CountedUnits] = field(default_factory=dict)
    orders: dict[str, Order] = field(default_factory=dict)
    lines: dict[str, Line] = field(default_factory=dict)
    deferred_orders: dict[str, DeferredOrder] = field(default_factory=dict)
    deferred_orders_aside: dict[str, DeferredOrder] = field(default_factory=dict)
    demand_days: dict[tuple[str, date, int], int] = field(default_factory=dict)
    quotas_used: dict[tuple[str, str, str], int] = field(default_factory=dict)
    decisions: dict[str, KeptDecision] = field(default_factory=dict)
    loans: dict[str, KeptLoan] = field(default_factory=dict)
    deliveries: dict[int, AnnouncedDate] = field(default_factory=dict)
    pins: dict[str, Pin] = field(default_factory=dict)
    policies: dict[str, int] = field(default_factory=lambda: {"default": 1})
    policy_versions: dict[tuple[str, int], PolicyVersion] = field(
        default_factory=lambda: {("default", 1): _first_version()}
    )
    assignments: dict[Target, Assignment] = field(
        default_factory=lambda: {DEFAULT: Assignment(*DEFAULT, "default", 1, _INSTALLED, "migration")}
    )
    assigned: dict[str, int] = field(default_factory=lambda: {"last": 1})
    reviews: dict[str, None] = field(default_factory=dict)
    first_promises: dict[str, FirstDate] = field(default_factory=dict)
    tables: dict[int, QuantileTable] = field(default_factory=dict)
    calendars: dict[str, LocationCalendar] = field(default_factory=dict)
    judged: dict[str, date] = field(default_factory=dict)
    lateness: dict[str, Any] = field(default_factory=lambda: {"default_target": None, "table": NO_HISTORY})

    def __deepcopy__(self, _: dict[int, Any]) -> AllocationState:
        return AllocationState(**{one.name: dict(getattr(self, one.name)) for one in fields(self)})

    def lines_of_order(self, order_id: str) -> list[Line]:
        """All lines of an order."""
        return [self.lines[one] for one in sorted(self.lines) if self.lines[one].order_id == order_id]

    def places(self, sku: str) -> list[Place]:
        """The queue of a SKU, in no order."""
        return [
            place for line in self.lines.values() if line.sku == sku and line.queued_units for place in self._of(line)
        ]

    def queued(self) -> Iterator[tuple[str, Place]]:
        """Every place of every queue with its SKU."""
        for line in self.lines.values():
            if line.queued_units:
                for place in self._of(line):
                    yield line.sku, place

    def _of(self, line: Line) -> list[Place]:
        order = self.orders[line.order_id]
        return [
            Place(
                line.line_id,
                line.order_id,
                entry.queued_at,
                entry.quantity,
                line.promise_date,
                order.tier_rank,
                order.needed_by or NO_DATE,
                order.ship_complete,
                line.unit_value,
                line.claim_date,
                line.backed,
            )
            for entry in line.entries()
        ]

    def waiting(self, sku: str) -> list[Waiting]:
        """The lines that wait for a SKU as promises are revised by them."""
        lines = [line for line in self.lines.values() if line.sku == sku and line.queued_units]
        return [
            Waiting(
                line.line_id,
                line.queued_units,
                line.promise_date,
                line.entries()[0].queued_at,
                line.claim_date,
                line.backed,
                self._rest(self.orders[line.order_id], sku),
            )
            for line in lines
        ]

    def _rest(self, order: Order, sku: str) -> tuple[date | None, ...]:
        if not order.ship_complete:
            return ()
        others = [one for one in self.lines_of_order(order.order_id) if one.sku != sku and one.waiting]
        return tuple(one.promise_date for one in others)

    def free(self, sku: str) -> int:
        """Units of a SKU that may be handed out, over all locations."""
        return sum(level.to_give for (name, _), level in self.levels.items() if name == sku)


def copied_line(line: Line) -> Line:
    """A line that shares nothing with the other; locations without grants are left out, the others in order."""
    granted = {location: line.granted[location] for location in sorted(line.granted) if line.granted[location]}
    shipped = {location: line.shipped[location] for location in granted if line.shipped.get(location)}
    return replace(line, granted=granted, shipped=shipped, layers=list(line.layers))


def copied_order(order: Order) -> Order:
    """An order's header as it is stored, without lines."""
    header = copy(order)
    header.lines, header.whole, header.stored, header.changed, header.moved = {}, False, True, False, False
    return header


def copied_sku(sku: Sku) -> Sku:
    """A SKU as it is stored, without what belongs to it."""
    return Sku(
        sku.sku, sku.known, sku.mode, sku.cap, sku.release_at, sku.lead_time_days, sku.category, sku.policy_version,
        sku.last_now, sku.waiting_units, sku.top_value, open_loans=sku.open_loans,
        merged_into=sku.merged_into, own_target=sku.own_target,
    )  # fmt: skip
