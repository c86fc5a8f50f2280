"""Opens the simulated shop: locations, suppliers, SKUs with their policies, opening stock."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime, time
from itertools import islice
from typing import TypeVar

from backorder_workload.replay.api import in_path
from backorder_workload.replay.catalogue import Sku
from backorder_workload.replay.session import Session, stamp

T = TypeVar("T")

_SKUS_PER_CALL = 1_000
_LINES_PER_RECEIPT = 2_000


async def open_shop(session: Session) -> None:
    """Create everything in the catalogue and wait until order and allocation know it."""
    catalogue, inventory = session.catalogue, session.api.addresses.inventory
    opened_at = stamp(datetime.combine(catalogue.opened_on, time(8), UTC))
    await session.concurrently(
        [
            session.api.put(
                f"{inventory}/v1/locations/{in_path(place.location_id)}",
                {"name": place.name, "priority": place.priority, "changed_at": opened_at},
            )
            for place in catalogue.locations
        ]
        + [
            session.api.put(f"{inventory}/v1/suppliers/{in_path(supplier.supplier_id)}", {"name": supplier.name})
            for supplier in catalogue.suppliers
        ]
    )
    for some in _chunks(catalogue.skus.values(), _SKUS_PER_CALL):
        document = {"skus": [_sku_document(sku) for sku in some], "changed_at": opened_at}
        await session.api.put(f"{inventory}/v1/skus", document)
    # Policies first: demand for a SKU without a policy would stay undecided.
    await session.listener.caught_up(("order", "allocation"))
    await _receive_opening_stock(session)
    await session.listener.caught_up(("allocation",))


async def _receive_opening_stock(session: Session) -> None:
    stocked: defaultdict[str, list[Sku]] = defaultdict(list)
    for sku in session.catalogue.skus.values():
        if sku.opening_units:
            stocked[sku.location_id].append(sku)
    received_at = stamp(datetime.combine(session.catalogue.opened_on, time(20), UTC))
    receipts = [
        {
            "reference": f"{session.choices.run}-OPENING-{location_id}-{number}",
            "location_id": location_id,
            "received_at": received_at,
            "kind": "opening",
            "lines": [{"sku": sku.code, "quantity": sku.opening_units} for sku in some],
        }
        for location_id, skus in stocked.items()
        for number, some in enumerate(_chunks(skus, _LINES_PER_RECEIPT), start=1)
    ]
    await session.concurrently(
        session.api.create(f"{session.api.addresses.inventory}/v1/receipts", receipt, key=str(receipt["reference"]))
        for receipt in receipts
    )


def _sku_document(sku: Sku) -> dict[str, object]:
    return {
        "sku": sku.code,
        "name": f"Article {sku.code}",
        "category": sku.category,
        "lead_time_days": sku.lead_time_days,
        "selling_policy": {
            "mode": sku.mode,
            "backorder_cap": sku.cap,
            "release_date": sku.release_at.date().isoformat() if sku.release_at else None,
        },
    }


def _chunks(items: Iterable[T], size: int) -> Iterable[list[T]]:
    rest = iter(items)
    while chunk := list(islice(rest, size)):
        yield chunk
