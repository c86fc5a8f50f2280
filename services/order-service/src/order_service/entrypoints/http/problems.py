"""What refusals are answered with: each error of the domain and the application as a problem."""

from __future__ import annotations

from collections.abc import Sequence

from order_service.application.errors import (
    InvalidOrder,
    OrderNotFound,
    OrderReferenceTaken,
    OrderTooLarge,
    OutdatedVersion,
    ShipmentReferenceTaken,
    TrackingLinksUnavailable,
    UnknownSku,
)
from order_service.application.history import line_figures
from order_service.domain.errors import (
    IllegalMove,
    InvalidDates,
    LineNotFound,
    OtherCurrency,
    ShipmentNotFound,
    UnknownLines,
)
from order_service.domain.promises.replies import InvalidReply, OfferNotFound, ReplyRefused
from order_service.entrypoints.http.payments.payment_problems import PAYMENT_PROBLEMS
from service_kit.http.errors import ProblemTable
from service_kit.http.problems import FieldError, Problem, conflict, not_found, precondition_failed, unprocessable


def _illegal_move(error: IllegalMove) -> Problem:
    """409 with the order's state, and every line at fault with its quantities."""
    lines = [
        {**line_figures(violation.line), "code": violation.code, "detail": violation.detail}
        for violation in error.violations
    ]
    return conflict(error.code, error.detail, state=error.state.value, version=error.version, lines=lines)


_SKUS_KNOWN_WITHIN = 1
"""Seconds after which the event of a SKU that inventory has just created has usually been read here."""


def _unknown_skus(errors: Sequence[FieldError]) -> Problem:
    """422 with when to repeat: the SKUs may have been created only just now."""
    words = "A SKU is not known. One that was just created is known a moment later: repeat the request."
    problem = unprocessable(errors, words)
    problem.extra["retry_after"] = _SKUS_KNOWN_WITHIN
    problem.headers["Retry-After"] = str(_SKUS_KNOWN_WITHIN)
    return problem


def _invalid_dates(error: InvalidDates) -> Problem:
    return unprocessable([FieldError(f"/{fault.field}", fault.detail) for fault in error.faults])


def _invalid_order(error: InvalidOrder) -> Problem:
    dates = [FieldError(f"/{fault.field}", fault.detail) for fault in error.date_faults]
    skus = [FieldError(f"/lines/{index}/sku", "This SKU is not known.") for index in error.unknown_sku_lines]
    return unprocessable([*dates, *skus]) if dates else _unknown_skus(skus)


def _unknown_lines(error: UnknownLines) -> Problem:
    detail = "The order has no such line."
    return unprocessable([FieldError(f"/lines/{index}/line_id", detail) for index in error.line_ids])


def _other_currency(error: OtherCurrency) -> Problem:
    return unprocessable([FieldError("/unit_price/currency", f"All prices of the order are in {error.currency}.")])


def _order_reference_taken(error: OrderReferenceTaken) -> Problem:
    return conflict("reference_taken", "Another order has this reference already.", order_id=error.order_id)


def _shipment_reference_taken(error: ShipmentReferenceTaken) -> Problem:
    return conflict("reference_taken", "Another shipment has this reference already.", shipment_id=error.shipment_id)


def _order_too_large(_: OrderTooLarge) -> Problem:
    return conflict(
        "order_too_large",
        "The order's lines and shipments exceed what one event can carry: about 1,000 lines, fewer with long names."
        " Divide it among several orders.",
    )


def _tracking_links_unavailable(_: TrackingLinksUnavailable) -> Problem:
    return Problem(503, "tracking_links_off", "Not set up", "This installation has no secret for tracking links.")


def _reply_refused(error: ReplyRefused) -> Problem:
    """409 with where the offer is, which is what the caller wanted to know."""
    return conflict(
        error.code, error.detail, state=error.outcome.value, offer_id=error.offer.offer_id, version=error.offer.version
    )


PROBLEMS: ProblemTable = {
    OfferNotFound: lambda _: not_found("offer"),
    ReplyRefused: _reply_refused,
    InvalidReply: lambda error: unprocessable([FieldError(f"/{error.field}", error.detail)]),
    OrderNotFound: lambda _: not_found("order"),
    LineNotFound: lambda _: not_found("line"),
    ShipmentNotFound: lambda _: not_found("shipment"),
    OutdatedVersion: lambda _: precondition_failed(),
    IllegalMove: _illegal_move,
    UnknownLines: _unknown_lines,
    InvalidDates: _invalid_dates,
    InvalidOrder: _invalid_order,
    UnknownSku: lambda _: _unknown_skus([FieldError("/sku", "This SKU is not known.")]),
    OtherCurrency: _other_currency,
    OrderReferenceTaken: _order_reference_taken,
    ShipmentReferenceTaken: _shipment_reference_taken,
    OrderTooLarge: _order_too_large,
    **PAYMENT_PROBLEMS,
    TrackingLinksUnavailable: _tracking_links_unavailable,
}
