"""Applying facts: events carry state with a version, so only newer ones change anything."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from allocation_service.application.session.allocation_session import AllocationSession
from allocation_service.application.session.decision_builder import DecisionBuilder, units_left
from allocation_service.application.session.order import Order
from allocation_service.domain import protocol_rules
from allocation_service.domain.demand.line import Line
from allocation_service.domain.supply.sku import Announced, Arrived, Inbound, Sku
from event_contracts import (
    Event,
    InboundChange,
    InboundLine,
    OrderLine,
    OrderState,
    PurchaseOrderLine,
    SkuMerge,
    SkuPolicy,
    StockChange,
    StockLevel,
)


def apply_inventory(session: AllocationSession, events: Sequence[Event]) -> dict[str, Event]:
    """Apply stock, inbound and policy facts; the newest event of each SKU that they told something new of.

    Of a SKU that was merged nothing is news any more: the event of the merge said all there is.
    """
    newest_facts: dict[str, Event] = {}
    for event in events:
        payload = event.payload
        if session.skus[event.key].merged_into is not None:
            continue
        if isinstance(payload, StockChange):
            new = _apply_stock(session.skus[payload.sku], payload)
            if new and event.name == "StockReceived":
                session.clear_quotas(payload.sku)
        elif isinstance(payload, InboundChange):
            new = _apply_inbound(session.skus[payload.sku], payload)
        elif isinstance(payload, SkuPolicy):
            unknown = not session.skus[payload.sku].known
            new = _apply_policy(session.skus[payload.sku], payload)
            if new and unknown:
                session.newly_known.add(payload.sku)
        elif isinstance(payload, SkuMerge):
            new = _apply_merge(session, payload)
        else:
            raise TypeError(f"{event.name} is not an event of inventory")
        if new:
            session.unwritten.skus.add(payload.sku)
            newest_facts[payload.sku] = event
            advance(session.skus[payload.sku], payload.occurred_at)
    return newest_facts


def advance(sku: Sku, cause: datetime) -> datetime:
    """``now`` of a decision on this SKU from here on."""
    if sku.last_now is cause:
        return cause
    sku.last_now = protocol_rules.decision_time(cause, (sku.last_now,))
    return sku.last_now


def _apply_stock(sku: Sku, change: StockChange) -> bool:
    new = _apply_levels(sku, change.levels)
    for po_line in change.po_lines:
        new |= _apply_receipt(sku, po_line, change)
    return new


def _apply_levels(sku: Sku, levels: Sequence[StockLevel]) -> bool:
    new = False
    for fact in levels:
        level = sku.level(fact.location)
        if protocol_rules.is_newer(level.version, fact.version):
            # What was voided never left: it is on hand again, and no unit has come or gone.
            level.on_hand, level.shipped = fact.on_hand, fact.shipped - fact.voided
            level.version, level.priority, level.active = fact.version, fact.priority, fact.active
            level.changed = new = True
    return new


def _apply_merge(session: AllocationSession, fact: SkuMerge) -> bool:
    """The stock and the inbound of a SKU with what others had that were merged into it."""
    sku = session.skus[fact.sku]
    new = _apply_levels(sku, fact.levels)
    for po_line in fact.po_lines:
        new |= _apply_merged_inbound(sku, po_line)
    if fact.sku in session.merged_here and sku.known:
        # What was ordered under a name that had no selling policy is decided by the one of this.
        session.newly_known.add(fact.sku)
    return new or fact.sku in session.merged_here


def _apply_merged_inbound(sku: Sku, fact: InboundLine) -> bool:
    known = sku.inbound.get(fact.id)
    if known is None:
        known = sku.inbound[fact.id] = Inbound(fact.id, 0, None, fact.supplier, fact.location, -1)
    if not protocol_rules.is_newer(known.version, fact.version):
        return False
    known.remaining, known.eta, known.version = fact.remaining, fact.eta, fact.version
    known.supplier, known.location, known.changed = fact.supplier, fact.location, True
    return True


def _apply_receipt(sku: Sku, fact: PurchaseOrderLine, change: StockChange) -> bool:
    """Protocol rule 8, docs/protocol.md: the receipt and the fall of its inbound are one event.

    So are units that go back to the supplier and the rise of the inbound; that is no delivery to judge others by.
    """
    known = sku.inbound.get(fact.id)
    if known is None:
        known = sku.inbound[fact.id] = Inbound(fact.id, 0, None, "", change.levels[0].location, -1)
    if not protocol_rules.is_newer(known.version, fact.version):
        return False
    rises = known.version >= 0 and fact.remaining > known.remaining
    known.remaining, known.version, known.changed = fact.remaining, fact.version, True
    if rises:
        return True
    sku.deliveries.append(Arrived(fact.id, fact.remaining, change.occurred_at.date(), known.ordered, known.received))
    return True


def _apply_inbound(sku: Sku, fact: InboundChange) -> bool:
    known = sku.inbound.get(fact.po_line)
    if known is None:
        known = sku.inbound[fact.po_line] = Inbound(fact.po_line, 0, None, fact.supplier, fact.location, -1)
    if not protocol_rules.is_newer(known.version, fact.version):
        if known.eta is None:
            # A receipt was seen before the line itself: its date is the only one there is.
            known.eta, known.supplier, known.changed = fact.eta, fact.supplier, True
            return True
        return False
    # What had come by then, of what was ordered: closing a line makes no units of it come.
    received = known.received
    known.remaining, known.eta, known.version = fact.remaining, fact.eta, fact.version
    known.supplier, known.location, known.changed = fact.supplier, fact.location, True
    known.ordered = known.ordered if fact.ordered is None else fact.ordered
    known.ordered_at = known.ordered_at if fact.ordered_at is None else fact.ordered_at
    announced = (fact.po_line, fact.supplier, fact.eta.date(), fact.remaining, fact.occurred_at.date())
    sku.deliveries.append(Announced(*announced, known.ordered, received))
    return True


def _apply_policy(sku: Sku, fact: SkuPolicy) -> bool:
    """Protocol rule 16, docs/protocol.md: what was decided before stays; only later decisions see the new policy."""
    if not protocol_rules.is_newer(sku.policy_version, fact.version):
        return False
    sku.known, sku.policy_version, sku.mode = True, fact.version, fact.mode.value
    sku.cap, sku.release_at, sku.lead_time_days = fact.cap, fact.release_at, fact.lead_time_days
    sku.category = fact.category
    return True


def apply_order(builder: DecisionBuilder, event: Event, state: OrderState, tiers: Sequence[str]) -> Order | None:
    """Apply an order event, or return None where a newer one has been applied already."""
    session = builder.session
    order = session.orders.get(state.order_id)
    if order is None:
        order = session.orders[state.order_id] = Order(state.order_id, whole=True)
    if not protocol_rules.is_newer(order.basis, state.sequence):
        return None
    moved = _apply_header(order, state, tiers)
    order.basis, order.changed, order.moved = state.sequence, True, order.moved or moved
    order.correlation_id = event.correlation_id
    for fact in state.lines:
        line = order.lines.get(fact.line_id)
        if line is None:
            line = Line(fact.line_id, state.order_id, fact.sku)
            session.add_line(line, joined=builder.now)
        revalued = line.unit_value != fact.unit_price
        if moved or revalued or _is_news(line, fact):
            builder.learn(line, fact)
        if moved or (revalued and line.queued_units):
            session.enqueue(line)
    return order


def _is_news(line: Line, fact: OrderLine) -> bool:
    if line.quantity != fact.quantity or line.cancelled != fact.cancelled:
        return True
    return any(line.shipped.get(location, 0) != units for location, units in units_left(fact).items())


def _apply_header(order: Order, state: OrderState, tiers: Sequence[str]) -> bool:
    """Whether the order must be judged anew: its place in queues moved, or what guards and rules see of it."""
    before = _judged_by(order)
    order.reference, order.ship_complete = state.reference, state.ship_complete
    # The first believed time holds: what replaces one that is not is later in every event of the order.
    order.placed_at = min(state.placed_at, order.placed_at or state.placed_at)
    order.customer_id, order.tier = state.customer_id, state.tier
    order.tier_rank = tiers.index(state.tier) if state.tier in tiers else len(tiers)
    order.channel, order.region = state.channel, state.region
    order.needed_by, order.latest_acceptable = state.needed_by, state.latest_acceptable_date
    order.preference = state.location_preference
    # Known, if only since this batch: it has been decided by what it said then.
    return order.basis >= 0 and _judged_by(order) != before


def _judged_by(order: Order) -> tuple[object, ...]:
    """What a decision about waiting units goes by: rank, whole or in parts, whose share and whose quota."""
    rank = (order.tier_rank, order.needed_by, order.ship_complete)
    return (*rank, order.tier, order.customer_id, order.channel, order.region)
