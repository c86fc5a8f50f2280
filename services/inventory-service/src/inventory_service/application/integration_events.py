"""The public events of inventory, made from the state of the domain after a change. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from event_contracts import (
    Event,
    InboundChange,
    InboundLine,
    LocationState,
    SellingMode,
    SkuMerge,
    SkuPolicy,
    StockChange,
    Weekday,
    new_event,
)
from event_contracts import PurchaseOrderLine as PublicOrderLine
from event_contracts import StockLevel as PublicLevel
from event_contracts.sources import INVENTORY_SOURCE
from inventory_service.application.queries import Versioned
from inventory_service.domain.catalogue import Location, LocationTerms, Sku
from inventory_service.domain.purchase_order import PurchaseOrderLine
from inventory_service.domain.stock_level import StockLevel


def stock_changed(
    name: str,
    levels: Sequence[StockLevel],
    *,
    reason: str,
    occurred_at: datetime,
    terms: Mapping[str, LocationTerms],
    po_lines: Iterable[PurchaseOrderLine] = (),
    cause: Event | None = None,
) -> Event:
    """``StockReceived`` or ``StockLevelChanged``: the changed ``levels`` of one SKU as they are now.

    ``terms`` are those of the locations; ``po_lines`` are the purchase-order lines that the same change affected;
    ``cause`` is the event that led to the change, if any.
    """
    public = _public(levels, terms)
    payload = StockChange(
        sku=levels[0].key.sku,
        levels=public,
        reason=reason,
        occurred_at=occurred_at,
        po_lines=tuple(
            PublicOrderLine(id=line.line_id, remaining=line.open, version=line.version) for line in po_lines
        ),
    )
    return new_event(
        name,
        payload,
        source=INVENTORY_SOURCE,
        sequence=max(level.version for level in public),
        correlation_id=cause.correlation_id if cause else None,
        causation_id=cause.id if cause else None,
    )


def _public(levels: Sequence[StockLevel], terms: Mapping[str, LocationTerms]) -> tuple[PublicLevel, ...]:
    return tuple(
        PublicLevel(
            location=level.key.location_id,
            on_hand=level.on_hand,
            shipped=level.shipped + level.voided,
            voided=level.voided,
            version=level.version,
            priority=here.priority,
            active=here.active,
        )
        for level, here in ((level, terms.get(level.key.location_id, LocationTerms())) for level in levels)
    )


def sku_merged(
    sku: Versioned[Sku],
    merged: Sequence[str],
    levels: Sequence[StockLevel],
    *,
    terms: Mapping[str, LocationTerms],
    po_lines: Sequence[PurchaseOrderLine],
    occurred_at: datetime,
) -> Event:
    """``SkuMerged``: all names that ``merged`` stands for are ``sku``, whose ``levels`` are all that it has now.

    ``po_lines`` are those that came with the names and are still open.
    """
    payload = SkuMerge(
        sku=sku.item.sku,
        merged=tuple(merged),
        version=sku.version,
        levels=_public(levels, terms),
        po_lines=tuple(
            InboundLine(
                id=line.line_id,
                remaining=line.open,
                eta=line.eta,
                supplier=line.supplier_id,
                location=line.location_id,
                version=line.version,
            )
            for line in po_lines
        ),
        occurred_at=occurred_at,
    )
    return new_event("SkuMerged", payload, source=INVENTORY_SOURCE, sequence=sku.version)


def inbound_changed(name: str, line: PurchaseOrderLine, occurred_at: datetime) -> Event:
    """``InboundScheduled``, ``InboundRescheduled`` or ``InboundCancelled``: the line as it is now."""
    payload = InboundChange(
        sku=line.sku,
        po_line=line.line_id,
        remaining=line.open,
        eta=line.eta,
        supplier=line.supplier_id,
        location=line.location_id,
        version=line.version,
        occurred_at=occurred_at,
        ordered=line.quantity,
        ordered_at=line.ordered_at,
    )
    return new_event(name, payload, source=INVENTORY_SOURCE, sequence=line.version)


def policy_changed(sku: Sku, version: int, occurred_at: datetime) -> Event:
    """``SkuPolicyChanged``: the complete policy, including a cap or release date that the selling mode does not use."""
    payload = SkuPolicy(
        sku=sku.sku,
        version=version,
        mode=SellingMode(sku.policy.mode.value),
        cap=sku.policy.backorder_cap,
        release_at=sku.policy.release_at,
        lead_time_days=sku.lead_time_days or 0,
        category=sku.category,
        name=sku.name,
        occurred_at=occurred_at,
    )
    return new_event("SkuPolicyChanged", payload, source=INVENTORY_SOURCE, sequence=version)


def location_changed(location: Location, version: int, occurred_at: datetime) -> Event:
    """``LocationChanged``: the location as it is now, with the calendar by which it ships."""
    calendar = location.calendar
    payload = LocationState(
        location=location.location_id,
        version=version,
        name=location.name,
        priority=location.priority,
        active=location.active,
        time_zone=calendar.time_zone,
        cut_off=calendar.cut_off,
        handling_days=calendar.handling_days,
        working_days=tuple(Weekday(day.value) for day in calendar.working_days),
        holidays=calendar.holidays,
        occurred_at=occurred_at,
    )
    return new_event("LocationChanged", payload, source=INVENTORY_SOURCE, sequence=version)
