"""Why a line prevents a change of its order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from order_service.domain.errors import Violation
from order_service.domain.lines import Line, LocationUnits


@dataclass(frozen=True, slots=True)
class Departure:
    """Where and when units leave, and from when each preorder SKU may; ``unpaid``: whether they are paid for or not."""

    location_id: str
    at: datetime
    release_dates: Mapping[str, datetime]
    unpaid: bool


def why_not_shippable(line: Line, quantity: int, departure: Departure) -> Violation | None:
    """Why so many units of a line may not be in a shipment; None if they may."""
    if not line.cut_is_answered:
        return Violation(line.copy(), "line_pending", "A cut of this line is not answered by allocation yet.")
    release_at = departure.release_dates.get(line.sku)
    if release_at is not None and departure.at < release_at:
        detail = f"The SKU is released at {release_at.isoformat()}."
        return Violation(line.copy(), "before_release_date", detail)
    location = departure.location_id
    here = line.locations.get(location, LocationUnits()).shippable(departure.at)
    shippable = min(here, line.cancellable)
    if quantity <= shippable:
        return None if departure.unpaid else why_unpaid(line, quantity, departure.at)
    if shippable == 0 and line.allocated > 0:
        elsewhere = ", ".join(sorted(name for name, units in line.locations.items() if units.open))
        detail = f"The line is allocated at {elsewhere}, not {location}."
        return Violation(line.copy(), "other_location", detail)
    detail = f"{shippable} units are allocated at {location}, {quantity} were to ship."
    return Violation(line.copy(), "not_allocated", detail)


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
