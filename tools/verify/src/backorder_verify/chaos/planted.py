"""Runs a service with one defect planted in it, to show that the chaos run finds what it is there to find.

    python -m backorder_verify.chaos.planted PLANT MODULE

replaces one function in memory and then runs MODULE as `python -m MODULE` would. Nothing of this is in the
services themselves.
"""

from __future__ import annotations

import runpy
import sys
from collections.abc import Callable, Collection
from typing import Any


def _skip_inbox() -> None:
    """Events are not noted as handled: each is taken for new whenever it comes."""
    from service_kit.messaging import batch_processor  # noqa: PLC0415 - only what the plant is about is loaded

    async def claim(_conn: object, _consumer: str, event_ids: Collection[str]) -> set[str]:
        return set(event_ids)

    kit: Any = batch_processor
    kit.claim = claim


def _commit_offset_first() -> None:
    """Offsets are committed before the database: a crash between the two loses what was in hand."""
    from service_kit.messaging.consumer import Consumer  # noqa: PLC0415
    from service_kit.messaging.event_log import Partition  # noqa: PLC0415

    kit: Any = Consumer
    consume, apply = kit._consume, kit._apply
    sources: dict[int, Any] = {}

    async def remember_source(self: Any, source: Any, *rest: Any) -> None:
        sources[id(self)] = source
        await consume(self, source, *rest)

    async def commit_then_apply(self: Any, batch: Any, *rest: Any) -> None:
        for record in batch.records:
            self._to_commit[Partition(record.topic, record.partition)] = record.offset + 1
        await self._commit(sources[id(self)])
        await self._committed()
        await apply(self, batch, *rest)

    kit._consume, kit._apply = remember_source, commit_then_apply


def _supply_without_shipped() -> None:
    """Supply is what is on hand, while grants count what has left too: every shipment looks like a loss."""
    from allocation_service.domain import protocol_rules  # noqa: PLC0415

    def supply_of(on_hand: int, _shipped: int) -> int:
        return on_hand

    kit: Any = protocol_rules
    kit.supply_of = supply_of


def _fill_from_the_delta() -> None:
    """A receipt hands out the units it says came in, and nothing else hands out any: what a cancellation
    frees or a delivery leaves over never reaches those who wait."""
    from allocation_service.application.allocating import allocate_supply  # noqa: PLC0415
    from allocation_service.application.session import apply_events  # noqa: PLC0415
    from allocation_service.domain.supply.sku import Sku  # noqa: PLC0415

    facts_: Any = apply_events
    filling_: Any = allocate_supply
    sku_: Any = Sku
    apply, give, supply = facts_._apply_stock, filling_.give_to_waiters, sku_.supply
    came_in: dict[str, int] = {}
    delta: dict[str, int] = {}

    def apply_and_note(sku: Any, change: Any) -> bool:
        before = sum(level.on_hand + level.shipped for level in sku.levels.values())
        new = bool(apply(sku, change))
        after = sum(level.on_hand + level.shipped for level in sku.levels.values())
        came_in[sku.sku] = max(0, after - before)
        return new

    def only_the_delta(sku: Any, *rest: Any) -> Any:
        whole = supply(sku, *rest)
        left, places = delta.get(sku.sku, whole.free), []
        for place in whole.locations:
            units = min(left, place.free)
            left -= units
            if units:
                places.append(place._replace(free=units))
        return whole._replace(locations=tuple(places))

    async def give_what_came_in(builder: Any, store: Any, skus: Any) -> None:
        for sku in sorted(skus):
            if units := came_in.pop(sku, 0):
                delta[sku] = units
                try:
                    await give(builder, store, {sku})
                finally:
                    del delta[sku]

    facts_._apply_stock, filling_.give_to_waiters = apply_and_note, give_what_came_in
    sku_.supply = only_the_delta


PLANTS: dict[str, Callable[[], None]] = {
    "delta": _fill_from_the_delta,
    "inbox": _skip_inbox,
    "offset": _commit_offset_first,
    "supply": _supply_without_shipped,
}
"""Name → what it does to the process."""


def main() -> None:
    """Plant, then run."""
    plant, module = sys.argv[1:3]
    PLANTS[plant]()
    sys.argv = [module]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
