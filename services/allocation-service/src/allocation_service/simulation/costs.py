"""What waiting costs: weight times units times days late, and thirty such days for a unit that is cancelled."""

from __future__ import annotations

from allocation_service.simulation.setting import LOSS_DAYS, TIERS
from allocation_service.simulation.streams import StreamLine


def served_cost(line: StreamLine, at: float) -> float:
    """The cost of a unit of the line that is served at a moment."""
    return TIERS[line.tier].weight * max(0.0, at - line.due)


def unserved_cost(line: StreamLine, days: float) -> float:
    """The cost of a unit that is never served: late until it is cancelled, or until the end of the horizon."""
    late = max(0.0, min(line.leaves, days) - line.due)
    return TIERS[line.tier].weight * (late + (LOSS_DAYS if line.leaves < days else 0.0))
