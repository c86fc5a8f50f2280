"""What the use cases of simulations need of the database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from allocation_service.application.simulations.simulation_records import Simulation


class SimulationStore(Protocol):
    """Simulations: queued, run by one process at a time, done or failed."""

    async def enqueue(self, simulation_id: str, request: Mapping[str, Any], worlds: int) -> None:
        """Store what was asked for."""
        ...

    async def waiting(self) -> int:
        """How many are not finished yet."""
        ...

    async def find(self, simulation_id: str) -> Simulation | None:
        """One simulation, or None."""
        ...

    async def page(self, before: str | None, limit: int) -> list[Simulation]:
        """The newest first; ``before`` is the last one already seen."""
        ...

    async def claim_next(self) -> Simulation | None:
        """Take the oldest that waits; no other process takes it too."""
        ...

    async def beat(self, simulation_id: str, worlds_done: int) -> None:
        """Tell that it is being worked on, and how far it is."""
        ...

    async def finish(self, simulation_id: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Store the figures."""
        ...

    async def fail(self, simulation_id: str, error: str) -> None:
        """Tell why there are no figures."""
        ...

    async def fail_silent(self) -> list[str]:
        """Mark as failed what runs by its row but gives no sign of life: its process died with all it knew."""
        ...

    async def forget_old(self) -> None:
        """Drop what was finished long ago."""
        ...
