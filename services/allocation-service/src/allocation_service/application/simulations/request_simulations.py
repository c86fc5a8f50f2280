"""Simulations are asked for and looked up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from allocation_service.application.simulations.simulation_records import Simulation
from allocation_service.application.unit_of_work import AllocationUnitOfWork

MOST_WAITING = 20
"""Simulations that may be queued or running at a time."""


class TooManySimulations(Exception):
    """As many simulations as may are queued or running."""


class SimulationNotFound(Exception):
    """There is no such simulation."""


@dataclass(frozen=True, slots=True)
class RequestSimulation:
    """Compare policies in so many ``worlds``; ``request`` is the document that the simulation reads."""

    simulation_id: str
    request: Mapping[str, Any]
    worlds: int


async def request_simulations(
    uow: AllocationUnitOfWork, commands: Sequence[RequestSimulation]
) -> list[str | Exception]:
    """Queue the simulations: the id of each, or TooManySimulations."""
    waiting = await uow.simulations.waiting()
    outcomes: list[str | Exception] = []
    for command in commands:
        if waiting >= MOST_WAITING:
            outcomes.append(TooManySimulations())
            continue
        await uow.simulations.enqueue(command.simulation_id, command.request, command.worlds)
        waiting += 1
        outcomes.append(command.simulation_id)
    return outcomes


async def read_simulation(uow: AllocationUnitOfWork, simulation_id: str) -> Simulation:
    """One simulation. Raises SimulationNotFound."""
    found = await uow.simulations.find(simulation_id)
    if found is None:
        raise SimulationNotFound
    return found


async def list_simulations(uow: AllocationUnitOfWork, before: str | None, limit: int) -> list[Simulation]:
    """Simulations, the newest first; ``before`` is the last one of the page before."""
    return await uow.simulations.page(before, limit)
