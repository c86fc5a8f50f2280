"""A run is asked for: stored, to be planned right after."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from allocation_service.application.unit_of_work import AllocationUnitOfWork
from allocation_service.domain.runs.run import Segment


@dataclass(frozen=True, slots=True)
class RequestRun:
    """Preview what these segments would do. ``by`` is the id of the caller's key."""

    run_id: str
    name: str
    segments: tuple[Segment, ...]
    by: str


async def request_runs(uow: AllocationUnitOfWork, commands: Sequence[RequestRun]) -> list[str]:
    """Store the runs, each to be planned; their ids."""
    for command in commands:
        await uow.runs.insert_run(command.run_id, command.name, command.segments, by=command.by, at=uow.now)
    return [command.run_id for command in commands]
