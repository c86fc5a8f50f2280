"""What callers are told when a use case refuses: each error of the domain as a problem, with its place in the body."""

from __future__ import annotations

from inventory_service.domain.document_types import DocumentType
from inventory_service.domain.errors import (
    BelowReceived,
    LineClosed,
    LinesRefused,
    MergedIntoItself,
    MergeTooLarge,
    NameFault,
    NameKind,
    NamesRefused,
    NotLinkable,
    OrderLocationInactive,
    PurchaseOrderLineNotFound,
    PurchaseOrderNotFound,
    ReceiptLineNotFound,
    ReferenceTaken,
    SellingTermsIncomplete,
    SkuMerged,
    SkuNotFound,
    TermsField,
    TooManyOpenLines,
    TooManyOrderLines,
    VersionMismatch,
    VersionRequired,
)
from service_kit.http.errors import ProblemTable
from service_kit.http.problems import (
    FieldError,
    Problem,
    conflict,
    not_found,
    precondition_failed,
    precondition_required,
    unprocessable,
)

_FIELDS = {
    NameKind.SKU: "sku",
    NameKind.LOCATION: "location_id",
    NameKind.SUPPLIER: "supplier_id",
    NameKind.PURCHASE_ORDER_LINE: "purchase_order_line_id",
}
_QUANTITIES = {
    DocumentType.RECEIPT: "quantity",
    DocumentType.COUNT: "counted_quantity",
    DocumentType.ADJUSTMENT: "delta",
    DocumentType.SUPPLIER_RETURN: "quantity",
}
_TERMS = {
    TermsField.LEAD_TIME_DAYS: ("/lead_time_days", "Selling before stock is there needs a lead time"),
    TermsField.RELEASE_DATE: ("/selling_policy/release_date", "A preorder needs a release date"),
}
_UNKNOWN = {
    NameKind.SKU: "there is no such SKU",
    NameKind.LOCATION: "there is no such location",
    NameKind.SUPPLIER: "there is no such supplier",
    NameKind.PURCHASE_ORDER_LINE: "there is no such purchase-order line",
}


def _names_refused(error: NamesRefused) -> Problem:
    return unprocessable([_name_error(fault) for fault in error.faults])


def _name_error(fault: NameFault) -> FieldError:
    place = "" if fault.line is None else f"/lines/{fault.line}"
    words = "the purchase-order line is for another SKU" if fault.other_sku else _UNKNOWN[fault.kind]
    if fault.merged_into is not None:
        words = f"the SKU is called {fault.merged_into!r} now: name that one"
    if fault.inactive:
        words = "the location is not active, so that nothing is received there: name another one, or activate it"
    return FieldError(f"{place}/{_FIELDS[fault.kind]}", words)


def _reference_taken(error: ReferenceTaken) -> Problem:
    words = "Another document carries this reference; existing_id names it."
    return conflict("reference_taken", words, existing_id=error.holder_id)


def _lines_refused(error: LinesRefused) -> Problem:
    field = _QUANTITIES[error.document_type]
    code = "insufficient_stock" if error.insufficient_stock else "level_too_large"
    return Problem(
        409,
        "more_than_received" if error.beyond_received else code,
        "Conflict with the current state",
        "The stock does not allow this; nothing was changed.",
        errors=[FieldError(f"/lines/{broken.line}/{field}", str(broken.rule)) for broken in error.lines],
    )


def _not_linkable(error: NotLinkable) -> Problem:
    return conflict(error.code, f"The line cannot be linked: {error}.")


def _too_many_lines(error: TooManyOrderLines) -> Problem:
    return conflict("too_many_lines", str(error), limit=error.limit)


def _location_inactive(error: OrderLocationInactive) -> Problem:
    return conflict("location_inactive", f"Nothing more is ordered: {error}.")


def _line_closed(error: LineClosed) -> Problem:
    return conflict("purchase_order_line_closed", str(error), state=error.state)


def _below_received(error: BelowReceived) -> Problem:
    return Problem(
        409,
        "quantity_below_received",
        "Conflict with the current state",
        str(error),
        errors=[FieldError("/quantity", str(error))],
        extra={"quantity_received": error.received},
    )


def selling_terms_incomplete(error: SellingTermsIncomplete, place: str = "") -> Problem:
    """422 for a SKU that the body describes at ``place``, a JSON Pointer."""
    pointer, words = _TERMS[error.missing]
    return unprocessable([FieldError(place + pointer, words)])


def _sku_merged(error: SkuMerged) -> Problem:
    words = f"{error.sku!r} was renamed or merged: use {error.into!r}, which is what it is called now."
    return conflict("sku_merged", words, merged_into=error.into)


def _merged_into_itself(_: MergedIntoItself) -> Problem:
    return unprocessable([FieldError("/into", "a SKU cannot be merged into itself: name another one")])


def _merge_too_large(error: MergeTooLarge) -> Problem:
    words = f"Together the SKUs would have more than {error.limit} units at {error.location_id}: adjust one of them."
    return conflict("level_too_large", words, limit=error.limit)


def _too_many_open_lines(error: TooManyOpenLines) -> Problem:
    words = f"Of the SKU {error}: receive or close some of them first."
    return conflict("too_many_open_lines", words, limit=error.limit)


PROBLEMS: ProblemTable = {
    TooManyOpenLines: _too_many_open_lines,
    SkuMerged: _sku_merged,
    MergedIntoItself: _merged_into_itself,
    MergeTooLarge: _merge_too_large,
    SkuNotFound: lambda _: not_found("sku"),
    SellingTermsIncomplete: selling_terms_incomplete,
    NamesRefused: _names_refused,
    ReferenceTaken: _reference_taken,
    LinesRefused: _lines_refused,
    PurchaseOrderNotFound: lambda _: not_found("purchase order"),
    ReceiptLineNotFound: lambda _: not_found("receipt line"),
    NotLinkable: _not_linkable,
    TooManyOrderLines: _too_many_lines,
    PurchaseOrderLineNotFound: lambda _: not_found("purchase order line"),
    OrderLocationInactive: _location_inactive,
    LineClosed: _line_closed,
    BelowReceived: _below_received,
    VersionMismatch: lambda _: precondition_failed(),
    VersionRequired: lambda _: precondition_required(),
}
"""Every refusal of inventory's use cases, and the problem that HTTP callers get for it."""
