"""Apply the events of customer orders: shipments leave the stock, voided ones return, demand enters its history.

Every order event carries the whole order with all its shipments. Each is applied as state: what is not known yet is
recorded, everything else changes nothing, so events may be repeated and arrive in any order.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Literal, NamedTuple, cast

from event_contracts import Event, OrderState
from inventory_service.application.integration_events import stock_changed
from inventory_service.application.ports import InventoryUnitOfWork
from inventory_service.domain.catalogue import MergedName
from inventory_service.domain.customer_orders import DemandLine, ShipmentLine, ShipmentLineId, clock_difference
from inventory_service.domain.stock_level import LevelKey, Source, StockLevel
from service_kit.messaging.believed_times import believable
from service_kit.runtime.believed_time import MOST_AHEAD

_AT_ONCE = timedelta(minutes=1)
"""A shipment dated so shortly before its event was made was dated by the clock that dated the event."""


class _Reported(NamedTuple):
    """Units of a shipment and the first event that reported them so."""

    line: ShipmentLine
    cause: Event


async def apply_order_events(uow: InventoryUnitOfWork, events: Sequence[Event]) -> None:
    """Store the newest demand of each order line, move newly shipped units from on hand to shipped, and back again
    those whose shipment was voided.

    Publishes one ``StockLevelChanged`` for each SKU of the batch: it carries absolute levels, so the levels in
    between would tell nobody anything. Times that cannot be believed are replaced (protocol rule 20), and shipments
    that the order service dated by its own clock are dated by this service's (``_on_this_clock``).
    """
    events = believable(events, uow.now)
    reported = _shipments(events)
    merged = await uow.catalogue.merged_names({one.line.key.sku for one in reported.values()}) if reported else {}
    await uow.demand.save(_newest_demand(events))
    if not reported:
        return
    new = await uow.shipments.add_new([one.line for one in reported.values()])
    voided = {identity: one.cause for identity, one in reported.items() if one.line.voided_at is not None}
    newly_voided = await uow.shipments.void_new([reported[identity].line for identity in voided]) if voided else []
    shipments = [one for identity, one in reported.items() if identity in new]
    voids = [_Reported(line, voided[line.identity]) for line in newly_voided]
    if shipments or voids:
        await _book(uow, await _on_this_clock(uow, shipments), voids, merged)


def _newest_demand(events: Sequence[Event]) -> list[DemandLine]:
    newest: dict[tuple[str, str], DemandLine] = {}
    for event in events:
        order = cast(OrderState, event.payload)
        for line in order.lines:
            day = (line.added_at or order.placed_at).astimezone(UTC).date()
            identity = (order.order_id, line.line_id)
            known = newest.get(identity)
            if known is None or known.sequence < order.sequence:
                newest[identity] = DemandLine(*identity, line.sku, day, line.quantity, line.cancelled, order.sequence)
    return [newest[identity] for identity in sorted(newest)]


def _shipments(events: Sequence[Event]) -> dict[ShipmentLineId, _Reported]:
    """Each shipment line once: as voided, if any of the events says so, for no shipment comes back from that."""
    reported: dict[ShipmentLineId, _Reported] = {}
    for event in events:
        order = cast(OrderState, event.payload)
        for shipped in order.shipments:
            line = ShipmentLine(
                shipment_id=shipped.shipment_id,
                line_id=shipped.line_id,
                order_id=order.order_id,
                key=LevelKey(shipped.sku, shipped.location),
                quantity=shipped.quantity,
                shipped_at=shipped.shipped_at,
                reported_at=event.time,
                voided_at=shipped.voided_at,
            )
            known = reported.get(line.identity)
            if line.quantity > 0 and (known is None or (line.voided_at is not None and known.line.voided_at is None)):
                reported[line.identity] = _Reported(line, event)
    return reported


async def _on_this_clock(uow: InventoryUnitOfWork, shipments: Sequence[_Reported]) -> list[_Reported]:
    """The shipments, with the times that the order service's clock gave read as this service's clock shows them.

    Counts are dated by this clock. If the two differ by minutes, a shipment that left after a count would seem to have
    left before, and its units would stay on hand; or the other way round.
    """
    if not shipments:
        return []
    recent = await uow.shipments.recent_delays()
    difference = clock_difference([*recent, *(uow.now - cause.time for _, cause in shipments)], MOST_AHEAD)
    return [
        shipped._replace(line=replace(shipped.line, shipped_at=shipped.line.shipped_at + difference))
        if abs(shipped.cause.time - shipped.line.shipped_at) <= _AT_ONCE
        else shipped
        for shipped in shipments
    ]


async def _book(
    uow: InventoryUnitOfWork,
    shipments: Sequence[_Reported],
    voids: Sequence[_Reported],
    merged: Mapping[str, MergedName],
) -> None:
    """Move the units of new shipments, and back those of newly voided ones; what is both moves twice.

    Units of a SKU that was merged are those of the one it is called now.
    """
    reported = {line.key for line, _ in (*shipments, *voids)}
    keys = {key: _current(key, merged) for key in reported}
    locked = await uow.levels.lock({*reported, *keys.values()})
    stored = (
        await uow.levels.booked_shipments([replace(line, key=keys[line.key]) for line, _ in voids]) if voids else {}
    )
    for line, _ in shipments:
        counted_at = _counted_at(line, line.shipped_at, locked, merged)
        locked[keys[line.key]].ship(line.quantity, line.shipped_at, _source(line), counted_at)
    for line, _ in voids:
        level = locked[keys[line.key]]
        booked = stored.get(line.identity) or level.booked_shipment(_source(line))
        if booked is None:
            raise RuntimeError(f"shipment line {line.identity} is stored, but no ledger entry took its units off")
        level.void_shipment(line.quantity, booked, _source(line), _counted_at(line, booked.shipped_at, locked, merged))
    levels = {key: locked[key] for key in keys.values()}
    await uow.levels.save(levels.values())
    movements = [one._replace(line=replace(one.line, key=keys[one.line.key])) for one in (*shipments, *voids)]
    await _publish(uow, levels, movements, {keys[line.key].sku for line, _ in voids})


def _current(key: LevelKey, merged: Mapping[str, MergedName]) -> LevelKey:
    return replace(key, sku=merged[key.sku].sku) if key.sku in merged else key


def _counted_at(
    line: ShipmentLine, shipped_at: datetime, levels: Mapping[LevelKey, StockLevel], merged: Mapping[str, MergedName]
) -> datetime | Literal["own"] | None:
    """The last count that may have seen units go which left before their SKU was merged; else that of their level."""
    name = merged.get(line.key.sku)
    if name is None or shipped_at >= name.at:
        return "own"
    return levels[_current(line.key, merged)].counted_for(levels[line.key], name.at)


async def _publish(
    uow: InventoryUnitOfWork,
    levels: Mapping[LevelKey, StockLevel],
    movements: Sequence[_Reported],
    skus_with_voids: Collection[str],
) -> None:
    terms = await uow.catalogue.location_terms({key.location_id for key in levels})
    last: dict[str, tuple[datetime, Event]] = {}
    for line, cause in movements:
        moment = max(line.shipped_at, line.voided_at or line.shipped_at)
        before = last.get(line.key.sku)
        last[line.key.sku] = (max(before[0], moment) if before else moment, cause)
    by_sku: dict[str, list[StockLevel]] = {}
    for key in sorted(levels):
        by_sku.setdefault(key.sku, []).append(levels[key])
    await uow.publish(
        [
            stock_changed(
                "StockLevelChanged",
                changed,
                reason="shipment_voided" if sku in skus_with_voids else "shipment",
                occurred_at=last[sku][0],
                terms=terms,
                cause=last[sku][1],
            )
            for sku, changed in by_sku.items()
        ]
    )


def _source(line: ShipmentLine) -> Source:
    return Source(line.shipment_id, line.line_id)
