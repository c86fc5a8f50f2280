"""Why a request is refused, beyond what the order itself refuses."""

from __future__ import annotations

from collections.abc import Sequence

from order_service.domain.dates import DateFault
from order_service.domain.errors import Refusal


class OrderNotFound(Refusal):
    """There is no such order, or the caller may not see it."""


class OutdatedVersion(Refusal):
    """The order has changed since the caller read it."""


class InvalidOrder(Refusal):
    """A new order cannot be accepted as stated.

    ``date_faults`` are its impossible dates; ``unknown_sku_lines`` the indices, from 0, of lines whose SKU inventory
    has never announced.
    """

    def __init__(self, date_faults: Sequence[DateFault], unknown_sku_lines: Sequence[int]) -> None:
        super().__init__(f"{len(date_faults)} impossible dates, {len(unknown_sku_lines)} lines of unknown SKUs")
        self.date_faults = tuple(date_faults)
        self.unknown_sku_lines = tuple(unknown_sku_lines)


class UnknownSku(Refusal):
    """Inventory has never announced the SKU of the line to add."""


class OrderReferenceTaken(Refusal):
    """Another order, ``order_id``, has the reference already."""

    def __init__(self, order_id: str) -> None:
        super().__init__(f"order {order_id} has this reference")
        self.order_id = order_id


class ShipmentReferenceTaken(Refusal):
    """Another shipment, ``shipment_id``, has the reference already."""

    def __init__(self, shipment_id: str) -> None:
        super().__init__(f"shipment {shipment_id} has this reference")
        self.shipment_id = shipment_id


class OrderTooLarge(Refusal):
    """The order with all its lines and shipments exceeds what one event can carry."""


class TrackingLinksUnavailable(Refusal):
    """This installation has no secret to sign tracking links with."""


class UnexpectedAllocation(ValueError):
    """Allocation reports an order or a line that was never placed in this service."""
