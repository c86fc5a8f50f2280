"""Decisions, queue places and lines as they are read to be shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

from allocation_service.domain.policies.policy import Key, Sort
from allocation_service.domain.policies.sorting import Protection
from allocation_service.domain.reasons import Reason


class DecisionHead(NamedTuple):
    """A decision without its inputs. ``cause`` is the id of the event that brought it about."""

    decision_id: str
    cause: str
    cause_type: str
    decided_at: datetime
    digest: str
    recorded_at: datetime
    summarised: bool


class RecordedDecision(NamedTuple):
    """A decision with the inputs of its steps, or with the summary that is left of an old one."""

    head: DecisionHead
    steps: list[dict[str, Any]]
    summary: dict[str, Any] | None


class RecordedLine(NamedTuple):
    """A demand that a decision considered; ``granted`` is negative where units were taken back."""

    step: int
    rank: int
    line_id: str
    sku: str
    quantity: int
    granted: int
    reason: Reason | None
    facts: Mapping[str, Any]


class DecisionAboutLine(NamedTuple):
    """What one decision did about a line, or about one place of it."""

    decision_id: str
    decided_at: datetime
    cause: str
    cause_type: str
    rank: int
    quantity: int
    granted: int
    reason: Reason | None
    policy_name: str | None
    policy_version: int | None


class QueueEntry(NamedTuple):
    """Units of a line that wait at one place of a queue, with what the queue is ranked by."""

    line_id: str
    order_id: str
    sku: str
    quantity: int
    queued_at: datetime
    tier_rank: int
    needed_by: date
    promise_date: date | None
    unit_value: int
    ship_complete: bool
    claim_date: date
    backed: bool
    promise_revision: int = 0
    reference: str = ""


class IndexedQueue(NamedTuple):
    """How a queue is served that has the order of an index: its sort, and whose promises go first."""

    sku: str
    sort: Sort
    protection: Protection


class SortedEntries(NamedTuple):
    """A page of a queue that has no index's order, the keys of its entries, whether there are more behind it, and how
    many stand ``ahead`` of its first."""

    entries: Sequence[QueueEntry]
    keys: Sequence[Key]
    more: bool
    ahead: int


class LineRow(NamedTuple):
    """A line with its order's header. ``shipped`` counts units that have left."""

    line_id: str
    order_id: str
    sku: str
    quantity: int
    cancelled: int
    declined: int
    undecided: int
    granted_units: int
    live_units: int
    reason: Reason | None
    promise_date: date | None
    promise_revision: int
    promise_cause: str
    unit_value: int
    reference: str
    ship_complete: bool
    customer_id: str | None
    tier: str | None
    tier_rank: int
    channel: str | None
    region: str | None
    needed_by: date | None
    latest_acceptable: date | None
    placed_at: datetime | None
    preference: str | None
    bypassed: int
    shipped: int
    claim_date: date
    backed: bool
    promise_basis: str | None = None
    promise_source: str | None = None
    promise_table: int | None = None
    ship_by: date | None = None

    def placed_on(self, today: date) -> date:
        """When its order was placed; ``today`` where that was never told."""
        return today if self.placed_at is None else self.placed_at.date()
