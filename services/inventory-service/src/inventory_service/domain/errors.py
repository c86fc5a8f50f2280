"""Why inventory refuses a change. Each error carries the data that explains it; none of them knows about HTTP."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from inventory_service.domain.document_types import DocumentType


class NameKind(StrEnum):
    """What a name in a document stands for."""

    SKU = "sku"
    LOCATION = "location"
    SUPPLIER = "supplier"
    PURCHASE_ORDER_LINE = "purchase_order_line"


@dataclass(frozen=True, slots=True)
class NameFault:
    """A name that a document cannot use.

    ``line`` is the line that states the name, counted from 0, or None where the document itself states it.
    ``other_sku`` is True for a purchase-order line that exists, but orders another SKU than the document's line;
    ``inactive`` for a location that exists, but receives nothing any more; ``merged_into`` is what a SKU is called now
    that was renamed or merged into another one. Every other fault is a name that does not exist.
    """

    kind: NameKind
    line: int | None = None
    other_sku: bool = False
    inactive: bool = False
    merged_into: str | None = None


class NamesRefused(ValueError):
    """A document names things that do not exist or do not fit together; ``faults`` lists every one of them."""

    def __init__(self, faults: Sequence[NameFault]) -> None:
        super().__init__(f"{len(faults)} name(s) cannot be used")
        self.faults = tuple(faults)


class ReferenceTaken(ValueError):
    """Another document of the same kind has the reference; ``holder_id`` is its id."""

    def __init__(self, holder_id: str | None) -> None:
        super().__init__(f"the reference belongs to document {holder_id}")
        self.holder_id = holder_id


class StockRuleBroken(ValueError):
    """A movement that the stock level does not allow; the message can be shown to the caller."""


class BelowZero(StockRuleBroken):
    """An adjustment removes more units than the ``on_hand`` units of the level."""

    def __init__(self, on_hand: int) -> None:
        super().__init__(f"only {on_hand} units are on hand")
        self.on_hand = on_hand


class BeyondReceived(StockRuleBroken):
    """More units go back to the supplier than the ``received`` units of the purchase-order line."""

    def __init__(self, received: int) -> None:
        super().__init__(f"only {received} units were received on this purchase-order line")
        self.received = received


class LevelTooLarge(StockRuleBroken):
    """The level would exceed ``limit`` units, on hand and ever shipped together."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"a level has at most {limit} units, on hand and ever shipped together")
        self.limit = limit


@dataclass(frozen=True, slots=True)
class BrokenLine:
    """A line of a document, counted from 0, and the rule that its movement breaks."""

    line: int
    rule: StockRuleBroken


class LinesRefused(ValueError):
    """The stock does not allow some lines of a document; ``lines`` lists them, and nothing was changed."""

    def __init__(self, document_type: DocumentType, lines: Sequence[BrokenLine]) -> None:
        super().__init__(f"the stock does not allow {len(lines)} line(s) of the {document_type}")
        self.document_type = document_type
        self.lines = tuple(lines)

    @property
    def insufficient_stock(self) -> bool:
        """Whether at least one line takes away more units than are on hand."""
        return any(isinstance(line.rule, BelowZero) for line in self.lines)

    @property
    def beyond_received(self) -> bool:
        """Whether at least one line gives back more units than were received."""
        return any(isinstance(line.rule, BeyondReceived) for line in self.lines)


class PurchaseOrderNotFound(Exception):
    """There is no such purchase order."""


class ReceiptLineNotFound(Exception):
    """There is no such receipt, or it has no such line."""


class NotLinkable(Exception):
    """The line of a receipt cannot be linked to this purchase-order line; ``code`` is stable, the message says why."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class PurchaseOrderLineNotFound(ValueError):
    """The purchase order does not exist, or has no such line."""


class PurchaseRuleBroken(ValueError):
    """A change that the purchase-order line does not allow; the message can be shown to the caller."""


class LineClosed(PurchaseRuleBroken):
    """The line was closed short, so nothing more is expected on it; ``state`` is the line's state."""

    def __init__(self, state: str) -> None:
        super().__init__("the line is closed")
        self.state = state


class BelowReceived(PurchaseRuleBroken):
    """The new quantity is less than the ``received`` units of the line."""

    def __init__(self, received: int) -> None:
        super().__init__(f"{received} units have been received already")
        self.received = received


class TooManyOrderLines(PurchaseRuleBroken):
    """The purchase order has ``limit`` lines already."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"a purchase order has at most {limit} lines; place another one")
        self.limit = limit


class OrderLocationInactive(PurchaseRuleBroken):
    """The purchase order's location is not active: what was ordered to it may come, but no more is ordered."""

    def __init__(self) -> None:
        super().__init__("the location of the purchase order is not active: activate it, or place another order")


class TermsField(StrEnum):
    """What the selling mode of a SKU requires."""

    LEAD_TIME_DAYS = "lead_time_days"
    RELEASE_DATE = "release_date"


class SellingTermsIncomplete(Exception):
    """The SKU's selling mode, as it would be after the change, needs a value that is missing."""

    def __init__(self, sku: str, missing: TermsField) -> None:
        super().__init__(f"SKU {sku} needs {missing}")
        self.sku = sku
        self.missing = missing


class SkuNotFound(Exception):
    """There is no such SKU to change."""


class SkuMerged(Exception):
    """The SKU was renamed or merged into ``into``: that is what it is called now."""

    def __init__(self, sku: str, into: str) -> None:
        super().__init__(f"SKU {sku} is called {into} now")
        self.sku, self.into = sku, into


class MergedIntoItself(Exception):
    """A SKU cannot be merged into itself."""


class MergeTooLarge(Exception):
    """Together, two SKUs would have more than ``limit`` units, on hand and ever shipped, at a location."""

    def __init__(self, location_id: str, limit: int) -> None:
        super().__init__(f"more than {limit} units at {location_id}")
        self.location_id, self.limit = location_id, limit


class TooManyOpenLines(Exception):
    """More than ``limit`` lines of purchase orders are still to come of the SKU: one event could not tell of them."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"more than {limit} purchase-order lines are open")
        self.limit = limit


class VersionMismatch(Exception):
    """The change is based on another version than the ``current`` one; None where there is nothing to change."""

    def __init__(self, current: int | None) -> None:
        super().__init__(f"the current version is {current}")
        self.current = current


class VersionRequired(Exception):
    """A change of this kind must say which version it is based on."""
