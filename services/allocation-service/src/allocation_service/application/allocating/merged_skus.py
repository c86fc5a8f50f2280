"""A SKU that was merged into another is that other one: its lines, its stock and whoever goes on naming it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from allocation_service.application.session.allocation_session import AllocationSession
from allocation_service.application.session.ports import AllocationStore, FoundSkus
from allocation_service.domain import protocol_rules
from event_contracts import Event, OrderState, SkuMerge


async def merge_skus(
    store: AllocationStore, session: AllocationSession, facts: Sequence[Event], orders: Sequence[OrderState]
) -> None:
    """Give what belongs to SKUs that were merged to the ones they were merged into, as the events of a batch say.

    Everything that waits keeps its place, its promise and its stock: nothing is decided by this. All SKUs of the batch
    are locked first (protocol rule 12). A merge that was carried out before, or whose SKU has been merged since, is
    passed over.
    """
    merges = [event.payload for event in facts if isinstance(event.payload, SkuMerge)]
    if not merges:
        return
    names = {event.key for event in facts} | {name for merge in merges for name in merge.merged}
    found = await store.find_skus({state.order_id for state in orders}, names | _named(orders))
    names |= found.known | set(found.renamed.values()) | _named(orders)
    await store.lock_names(protocol_rules.lock_order(names))
    renamed = (await store.find_skus((), names)).renamed
    for merge in merges:
        gone = sorted({name for name in merge.merged if name not in renamed and name != merge.sku})
        if merge.sku in renamed or not gone:
            continue
        await store.merge_skus(merge.sku, gone, [line.id for line in merge.po_lines])
        renamed = {name: merge.sku if now in gone else now for name, now in renamed.items()}
        renamed |= dict.fromkeys(gone, merge.sku)
        session.merged_here.add(merge.sku)


async def find_skus(store: AllocationStore, orders: Sequence[OrderState]) -> FoundSkus:
    """The SKUs of the known lines of orders, and the names in their events that others have taken the place of."""
    if not orders:
        return FoundSkus(set(), {})
    return await store.find_skus({state.order_id for state in orders}, _named(orders))


def under_current_names(state: OrderState, renamed: Mapping[str, str]) -> OrderState:
    """The order with the names that its SKUs have now."""
    if not renamed or not any(line.sku in renamed for line in state.lines):
        return state
    lines = [line.model_copy(update={"sku": renamed.get(line.sku, line.sku)}) for line in state.lines]
    return state.model_copy(update={"lines": tuple(lines)})


def check_names(session: AllocationSession, orders: Collection[OrderState]) -> None:
    """Raise an error that passes, where another worker merged a SKU of these orders before it could be locked here."""
    gone = {name for name in _named(orders) if session.skus[name].merged_into is not None}
    if gone:
        raise RuntimeError(f"{len(gone)} SKUs were merged while this batch waited for them: it is to be handled again")


def _named(orders: Collection[OrderState]) -> set[str]:
    return {line.sku for state in orders for line in state.lines}
