"""Calling a use case for one request, in a unit of work of its own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Concatenate, ParamSpec, TypeVar

from service_kit.persistence.unit_of_work import U, UnitOfWorkFactory

P = ParamSpec("P")
R = TypeVar("R")


async def execute(
    units: UnitOfWorkFactory[U],
    use_case: Callable[Concatenate[U, P], Awaitable[R]],
    *args: P.args,
    **kwargs: P.kwargs,
) -> R:
    """Call ``use_case`` and commit; its result. Whatever it raises rolls everything back and goes on to the caller."""
    async with units.begin() as uow:
        result = await use_case(uow, *args, **kwargs)
        await uow.commit()
    return result


async def read(
    units: UnitOfWorkFactory[U],
    query: Callable[Concatenate[U, P], Awaitable[R]],
    *args: P.args,
    **kwargs: P.kwargs,
) -> R:
    """Call ``query`` on a read-only view of one moment; its result."""
    async with units.reading() as uow:
        return await query(uow, *args, **kwargs)
