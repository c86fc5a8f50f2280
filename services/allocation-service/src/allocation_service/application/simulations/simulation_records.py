"""A simulation as it is kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

KEPT_DAYS = 90
"""Days after which a finished simulation is forgotten."""


class Simulation(NamedTuple):
    """A simulation; ``rows`` once it is done, ``error`` once it has failed."""

    simulation_id: str
    request: Mapping[str, Any]
    status: str
    worlds_done: int
    worlds: int
    rows: Sequence[Mapping[str, Any]] | None
    error: str | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
