"""Lines that a person fixes, so that runs leave them alone."""

from __future__ import annotations

from dataclasses import dataclass

from allocation_service.application.runs.errors import LineNotFound, PinNotFound
from allocation_service.application.runs.run_records import Pin
from allocation_service.application.unit_of_work import AllocationUnitOfWork


@dataclass(frozen=True, slots=True)
class PinLine:
    """Keep runs from moving a line. ``by`` is the id of the caller's key."""

    line_id: str
    reason: str
    by: str


async def pin_line(uow: AllocationUnitOfWork, command: PinLine) -> Pin:
    """Pin the line, or give its pin another reason. Raises LineNotFound."""
    pin = await uow.pins.pin(command.line_id, command.reason, command.by, uow.now)
    if pin is None:
        raise LineNotFound
    return pin


async def unpin_line(uow: AllocationUnitOfWork, line_id: str) -> None:
    """Let runs move the line again. Raises PinNotFound."""
    if not await uow.pins.unpin(line_id):
        raise PinNotFound


async def read_pin(uow: AllocationUnitOfWork, line_id: str) -> Pin:
    """Who pinned the line, when and why. Raises PinNotFound."""
    pin = await uow.pins.read_pin(line_id)
    if pin is None:
        raise PinNotFound
    return pin
