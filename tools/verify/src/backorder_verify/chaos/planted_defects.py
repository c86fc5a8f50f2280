"""Runs a service with one defect planted in it, to prove that the chaos run detects such a defect.

    python -m backorder_verify.chaos.planted_defects PLANT MODULE

replaces functions of the service in memory and then runs MODULE as `python -m MODULE` would. The services
themselves contain no switch for this.
"""

from __future__ import annotations

import runpy
import sys
from collections.abc import Callable, Collection
from typing import Any


def _replace(owner: Any, name: str, replacement: Any) -> Any:
    """Replace an attribute and return the original. AttributeError if there is none: a misspelt name plants nothing."""
    original = getattr(owner, name)
    setattr(owner, name, replacement)
    return original


def _skip_inbox() -> None:
    """Handled events are not recorded, so every redelivered event is taken for a new one."""
    from service_kit.messaging import batch_processor  # noqa: PLC0415 - load only what this defect is about

    async def claim(_conn: object, _consumer: str, event_ids: Collection[str]) -> set[str]:
        return set(event_ids)

    _replace(batch_processor, "claim", claim)


def _commit_offset_first() -> None:
    """Offsets are committed before the database transaction: a crash between the two loses the batch."""
    from service_kit.messaging.consumer import Consumer  # noqa: PLC0415
    from service_kit.messaging.event_log import Partition  # noqa: PLC0415

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

    consume = _replace(Consumer, "_consume", remember_source)
    apply = _replace(Consumer, "_apply", commit_then_apply)


def _supply_without_shipped() -> None:
    """Supply counts only units on hand, while grants count shipped units too: every shipment looks like a loss."""
    from allocation_service.domain import protocol_rules  # noqa: PLC0415

    def supply_of(on_hand: int, _shipped: int) -> int:
        return on_hand

    _replace(protocol_rules, "supply_of", supply_of)


def _fill_from_the_delta() -> None:
    """Only a receipt allocates stock, and only the units it added: units that a cancellation frees or that an
    earlier delivery left over never reach the backorders."""
    from allocation_service.application.allocating import allocate_supply  # noqa: PLC0415
    from allocation_service.application.session import apply_events  # noqa: PLC0415
    from allocation_service.domain.supply.sku import Sku  # noqa: PLC0415

    received: dict[str, int] = {}
    delta: dict[str, int] = {}

    def apply_and_note(sku: Any, change: Any) -> bool:
        before = sum(level.on_hand + level.shipped for level in sku.levels.values())
        new = bool(apply(sku, change))
        after = sum(level.on_hand + level.shipped for level in sku.levels.values())
        received[sku.sku] = max(0, after - before)
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

    async def allocate_received(builder: Any, store: Any, skus: Any) -> None:
        for sku in sorted(skus):
            if units := received.pop(sku, 0):
                delta[sku] = units
                try:
                    await allocate(builder, store, {sku})
                finally:
                    del delta[sku]

    apply = _replace(apply_events, "_apply_stock", apply_and_note)
    allocate = _replace(allocate_supply, "allocate_to_backorders", allocate_received)
    supply = _replace(Sku, "supply", only_the_delta)


PLANTS: dict[str, Callable[[], None]] = {
    "delta": _fill_from_the_delta,
    "inbox": _skip_inbox,
    "offset": _commit_offset_first,
    "supply": _supply_without_shipped,
}
"""Name of a defect → the function that plants it in this process."""


def main() -> None:
    """Plant the defect, then run the service."""
    plant, module = sys.argv[1:3]
    PLANTS[plant]()
    sys.argv = [module]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
