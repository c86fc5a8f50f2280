"""Events of the order and allocation services, as tests of notification need them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from event_contracts import (
    AllocationLine,
    AllocationState,
    Event,
    OrderLine,
    OrderState,
    Promise,
    SellingMode,
    SkuPolicy,
    new_event,
)

PLACED_AT = datetime(2026, 1, 5, 8, tzinfo=UTC)
JUNE, JULY = date(2026, 6, 3), date(2026, 7, 1)


def placed(
    name: str = "OrderPlaced",
    *,
    order_id: str = "o1",
    sequence: int = 1,
    contact_id: str | None = "c1",
    lines: tuple[OrderLine, ...] | None = None,
    reference: str = "",
    **more: Any,
) -> Event:
    """The order service reports an order, by default one line of five lamps."""
    state = OrderState(
        order_id=order_id,
        sequence=sequence,
        reference=reference or f"R-{order_id}",
        placed_at=PLACED_AT,
        updated_at=PLACED_AT,
        contact_id=contact_id,
        lines=lines or (OrderLine(line_id=f"{order_id}-1", sku="lamp", quantity=5),),
        **more,
    )
    return new_event(name, state, source="test", sequence=sequence)


def allocated(
    name: str = "OrderBackordered",
    *,
    order_id: str = "o1",
    line: int = 1,
    version: int = 1,
    allocated: int = 0,
    waiting: int = 0,
    declined: int = 0,
    promise: date | None = None,
) -> Event:
    """The allocation service reports the state of one line of an order."""
    answered = AllocationLine(
        line_id=f"{order_id}-{line}",
        sku="lamp",
        line_version=version,
        allocated={"main": allocated} if allocated else {},
        waiting=waiting,
        declined=declined,
        promise=Promise(date=promise, revision=version, cause="test") if waiting else None,
    )
    state = AllocationState(order_id=order_id, basis=1, decision_id="d", decided_at=PLACED_AT, lines=(answered,))
    return new_event(name, state, source="test", sequence=version)


def named(version: int, name: str) -> Event:
    """The inventory service reports the name of the lamp."""
    policy = SkuPolicy(
        sku="lamp",
        version=version,
        mode=SellingMode.BACKORDER,
        lead_time_days=3,
        name=name,
        occurred_at=PLACED_AT,
    )
    return new_event("SkuPolicyChanged", policy, source="test", sequence=version)
