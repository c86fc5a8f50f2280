"""Units of work that tests of stores commit."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from notification_service.application.ports.unit_of_work import NotificationUnitOfWork, NotificationUnits


@asynccontextmanager
async def committed(units: NotificationUnits) -> AsyncIterator[NotificationUnitOfWork]:
    """A unit of work that is committed at the end of the block."""
    async with units.begin() as uow:
        yield uow
        await uow.commit()
