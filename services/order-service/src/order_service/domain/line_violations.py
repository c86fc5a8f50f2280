"""Why a line prevents a change of its order."""

from __future__ import annotations

from datetime import datetime

from order_service.domain.errors import Violation
from order_service.domain.lines import Line


def why_unpaid(line: Line, quantity: int, at: datetime) -> Violation | None:
    """Why so many units may not leave ``at`` this moment as far as payment is concerned; None: they may."""
    payable = line.payable(at)
    if payable is None or quantity <= payable:
        return None
    return Violation(line.copy(), "unpaid", f"Of {quantity} units, {payable} are paid for or covered by a hold.")


def why_not_cancellable(line: Line, quantity: int) -> str:
    """What is said of units that cannot be cancelled."""
    return (
        f"{quantity} units cannot be cancelled: of {line.quantity}, {line.shipped} are shipped "
        f"and {line.cancelled} cancelled already."
    )
