"""How many of 100 first dates are to be kept: of everything, or of a SKU."""

from __future__ import annotations

from typing import NamedTuple

from allocation_service.application.unit_of_work import AllocationUnitOfWork


class SkuNotKnown(LookupError):
    """Inventory has announced no such SKU."""


class PromiseTarget(NamedTuple):
    """``percent`` None: dates are taken as they are announced. ``own``: the SKU has it by itself."""

    percent: int | None
    own: bool


async def read_default_target(uow: AllocationUnitOfWork) -> PromiseTarget:
    """What holds for every SKU without a target of its own."""
    return PromiseTarget((await uow.lateness.state()).default_target, own=True)


async def set_default_target(uow: AllocationUnitOfWork, percent: int | None) -> PromiseTarget:
    """Let it hold from the next decision on; dates that were named stay."""
    await uow.lateness.set_default_target(percent)
    return PromiseTarget(percent, own=True)


async def read_sku_target(uow: AllocationUnitOfWork, sku: str) -> PromiseTarget:
    """The target of a SKU, its own or that of all. Raises SkuNotKnown."""
    own = await uow.lateness.targets_of([sku])
    if sku not in own:
        raise SkuNotKnown
    if own[sku] is not None:
        return PromiseTarget(own[sku], own=True)
    return (await read_default_target(uow))._replace(own=False)


async def set_sku_target(uow: AllocationUnitOfWork, sku: str, percent: int | None) -> PromiseTarget:
    """Give a SKU a target of its own; None: it follows that of all again. Raises SkuNotKnown."""
    if not await uow.lateness.set_target(sku, percent):
        raise SkuNotKnown
    return await read_sku_target(uow, sku)
