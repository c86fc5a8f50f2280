"""What a session has changed and not written yet. Units are pieces of a SKU unless said otherwise."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from allocation_service.application.session.decision_record import DecisionRecord
from allocation_service.application.session.session_records import CountedLine, DeferredOrder, LineAsStored
from allocation_service.domain.lateness.first_promise import FirstPromise
from allocation_service.domain.promising.line_promise import PromiseCounters
from allocation_service.domain.supply.sku import QuotaName
from event_contracts.fast_encoding import IntegrationEvent


@dataclass(slots=True)
class UnwrittenChanges:
    """Changes since the last write was prepared; preparing the next one takes them and begins anew.

    SKUs, orders, levels, inbound and loans say by a ``changed`` mark of their own that their row has to be written.
    """

    # -- lines ------------------------------------------------------------------------------------

    lines_as_stored: dict[str, LineAsStored] = field(default_factory=dict)
    """By line id: how each line that was touched is stored. Only touched lines are written."""
    counted: dict[str, CountedLine] = field(default_factory=dict)
    """By line id: what the SKU's counters hold of each touched line."""
    reshaped: set[str] = field(default_factory=set)
    """Ids of touched lines of which more changed than their grants: their whole row is written."""

    first_promises: list[FirstPromise] = field(default_factory=list)
    """The first dates told of lines, whose outcomes are to be learned from."""

    # -- SKUs -------------------------------------------------------------------------------------

    skus: set[str] = field(default_factory=set)
    """SKUs whose row has to be written."""
    promises: dict[str, PromiseCounters] = field(default_factory=dict)
    """By SKU: waiting units to add to what is promised for a day and claimed from a day, or (negative) to take off."""
    ordered: dict[tuple[str, date, int], int] = field(default_factory=dict)
    """By SKU, day and tier rank: newly ordered units, which the demand forecast counts."""
    quotas_cleared: set[str] = field(default_factory=set)
    """SKUs that were received: what their quotas have used is deleted before ``quotas_used`` is written."""
    quotas_used: set[tuple[str, QuotaName]] = field(default_factory=set)
    """Quotas of a SKU of which units were used or given back."""
    overtaken: set[str] = field(default_factory=set)
    """SKUs of which new demand got units while ship-complete orders wait, which counts as passing them."""

    # -- orders -----------------------------------------------------------------------------------

    passes: dict[str, int] = field(default_factory=dict)
    """By order id: how many times more it was passed. Written as a difference: others may count at the same time."""
    passes_restarted: set[str] = field(default_factory=set)
    """Ids of orders of which nothing waits any more: their passes begin at 0 again, before ``passes`` are added."""
    orders_deferred: dict[str, DeferredOrder] = field(default_factory=dict)
    """By order id: orders that are left to a transaction of their own."""
    deferred_orders_done: set[str] = field(default_factory=set)
    """Ids of deferred orders that this session has decided."""

    # -- what is told -----------------------------------------------------------------------------

    decisions: list[DecisionRecord] = field(default_factory=list)
    """In the order they were made."""
    events: list[IntegrationEvent] = field(default_factory=list)
    """In the order they are published."""
