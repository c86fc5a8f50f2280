"""Rename a SKU, or merge it into another one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from inventory_service.application.integration_events import sku_merged
from inventory_service.application.ports import InventoryUnitOfWork
from inventory_service.application.put_skus import PutSkus, put_skus
from inventory_service.application.queries import Versioned
from inventory_service.domain.catalogue import Sku
from inventory_service.domain.errors import (
    LevelTooLarge,
    MergedIntoItself,
    MergeTooLarge,
    SkuMerged,
    SkuNotFound,
    TooManyOpenLines,
    VersionRequired,
)
from inventory_service.domain.expected_version import ExpectedVersion
from inventory_service.domain.stock_level import LevelKey, Source, StockLevel
from service_kit.commands.errors import CommandNotCarriedOut

MAX_OPEN_LINES = 1000
"""The most open purchase-order lines of a SKU that is merged, so that one event can tell of them."""


@dataclass(frozen=True, slots=True)
class MergeSku:
    """Let ``sku`` be called ``into`` from now on, which is a new name or that of another SKU."""

    sku: str
    into: str
    expected: ExpectedVersion | None


async def merge_sku(uow: InventoryUnitOfWork, command: MergeSku) -> Versioned[Sku]:
    """Give ``into`` all that ``sku`` has: its stock and what was shipped of it, and its lines of purchase orders.

    A new name is sold as the old one was; a SKU that exists stays as it is. Publishes ``SkuMerged`` with everything
    that ``into`` then has, so that no unit is there under two names. A merge that was made before changes nothing.
    Returns ``into``. Raises MergedIntoItself, SkuNotFound, SkuMerged if either name stands for another one by now,
    VersionRequired, VersionMismatch, MergeTooLarge, TooManyOpenLines, and CommandNotCarriedOut if somebody else just
    created ``into``.
    """
    if command.sku == command.into:
        raise MergedIntoItself
    found = await uow.catalogue.lock_skus([command.sku, command.into])
    source = found.get(command.sku)
    if source is None:
        raise SkuNotFound
    if (now := source.item.merged_into) is not None:
        if now == command.into:
            return found[now]
        raise SkuMerged(command.sku, now)
    if command.expected is None:
        raise VersionRequired
    command.expected.check(source.version)
    target = found.get(command.into) or await _new(uow, replace(source.item, sku=command.into))
    if target.item.merged_into is not None:
        raise SkuMerged(command.into, target.item.merged_into)
    levels = await uow.levels.lock_of_skus([command.sku, command.into])
    _merge_levels(levels, command, uow)
    await uow.levels.save(levels.values())
    lines = await uow.purchase_orders.rename_lines(command.sku, command.into)
    names = await uow.catalogue.merge(command.sku, command.into)
    own = [level for key, level in sorted(levels.items()) if key.sku == command.into]
    terms = await uow.catalogue.location_terms({level.key.location_id for level in own})
    open_lines = [line for line in lines if line.open]
    if len(open_lines) > MAX_OPEN_LINES:
        raise TooManyOpenLines(MAX_OPEN_LINES)
    await uow.publish([sku_merged(target, sorted(names), own, terms=terms, po_lines=open_lines, occurred_at=uow.now)])
    return target


async def _new(uow: InventoryUnitOfWork, sku: Sku) -> Versioned[Sku]:
    stored = (await put_skus(uow, PutSkus((sku,))))[sku.sku]
    if not stored.created:
        raise CommandNotCarriedOut
    return Versioned(sku, stored.version)


def _merge_levels(levels: Mapping[LevelKey, StockLevel], command: MergeSku, uow: InventoryUnitOfWork) -> None:
    for key, level in sorted(levels.items()):
        if key.sku == command.sku:
            source = Source("merge", command.sku, f"{command.sku} is called {command.into}")
            try:
                level.merge_into(levels[LevelKey(command.into, key.location_id)], uow.now, source)
            except LevelTooLarge as error:
                raise MergeTooLarge(key.location_id, error.limit) from None
