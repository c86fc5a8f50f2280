"""Every refusal has a problem, whose codes, pointers and words callers rely on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from order_service.application.errors import (
    InvalidOrder,
    OrderNotFound,
    OrderReferenceTaken,
    OrderTooLarge,
    OutdatedVersion,
    ShipmentReferenceTaken,
    TrackingLinksUnavailable,
)
from order_service.domain.dates import DateFault
from order_service.domain.errors import (
    IllegalMove,
    InvalidDates,
    LineNotFound,
    Refusal,
    ShipmentNotFound,
    UnknownLines,
    Violation,
)
from order_service.domain.lines import Line, LocationUnits
from order_service.domain.states import State
from order_service.entrypoints.http.problems import PROBLEMS
from service_kit.http.problems import Problem

PASSED = DateFault("needed_by", "The day has passed; name a later one.")


def problem_of(error: Refusal) -> Problem:
    return PROBLEMS[type(error)](error)


def _refusals(kind: type[Refusal] = Refusal) -> Iterator[type[Refusal]]:
    """All kinds of refusals of the service, wherever they stand."""
    for each in kind.__subclasses__():
        if each.__module__.startswith("order_service."):
            yield each
            yield from _refusals(each)


def test_every_refusal_has_a_problem() -> None:
    assert set(PROBLEMS) == set(_refusals())


@pytest.mark.parametrize(
    ("error", "status", "code", "detail"),
    [
        (OrderNotFound(), 404, "order_not_found", "There is no such order."),
        (LineNotFound("l1"), 404, "line_not_found", "There is no such line."),
        (ShipmentNotFound(), 404, "shipment_not_found", "There is no such shipment."),
        (
            OutdatedVersion(),
            412,
            "precondition_failed",
            "If-Match names another version than the current one. Read the resource again and repeat the change.",
        ),
        (OrderReferenceTaken("o1"), 409, "reference_taken", "Another order has this reference already."),
        (ShipmentReferenceTaken("s1"), 409, "reference_taken", "Another shipment has this reference already."),
        (
            OrderTooLarge(),
            409,
            "order_too_large",
            "The order's lines and shipments exceed what one event can carry: about 1,000 lines, fewer with long names."
            " Divide it among several orders.",
        ),
        (
            TrackingLinksUnavailable(),
            503,
            "tracking_links_off",
            "This installation has no secret for tracking links.",
        ),
    ],
)
def test_a_refusal_is_answered_with_its_status_code_and_words(
    error: Refusal, status: int, code: str, detail: str
) -> None:
    problem = problem_of(error)
    assert (problem.status, problem.code, problem.detail, problem.errors) == (status, code, detail, ())


def test_whoever_has_the_reference_is_named() -> None:
    assert problem_of(OrderReferenceTaken("o1")).extra == {"order_id": "o1"}
    assert problem_of(ShipmentReferenceTaken("s1")).extra == {"shipment_id": "s1"}


@pytest.mark.parametrize(
    ("error", "pointers"),
    [
        (InvalidDates([PASSED]), ["/needed_by"]),
        (InvalidOrder([PASSED], [1, 3]), ["/needed_by", "/lines/1/sku", "/lines/3/sku"]),
        (UnknownLines({0: "x", 2: "y"}), ["/lines/0/line_id", "/lines/2/line_id"]),
    ],
)
def test_what_is_wrong_in_a_body_is_pointed_to(error: Refusal, pointers: list[str]) -> None:
    problem = problem_of(error)
    assert (problem.status, problem.code) == (422, "validation_failed")
    assert [each.pointer for each in problem.errors] == pointers
    assert {each.detail for each in problem.errors} <= {
        PASSED.detail,
        "This SKU is not known.",
        "The order has no such line.",
    }


def test_an_illegal_move_shows_the_orders_state_and_the_lines_at_fault() -> None:
    line = Line("l1", 0, "lamp", 5, locations={"A": LocationUnits(3, 1)})
    violation = Violation(line, "not_allocated", "2 units are allocated at A, 4 were to ship.")
    error = IllegalMove(violation.code, violation.detail, state=State.PENDING, version=7, violations=[violation])
    problem = problem_of(error)
    assert (problem.status, problem.code, problem.detail) == (409, "not_allocated", violation.detail)
    assert problem.extra == {
        "state": "pending",
        "version": 7,
        "lines": [
            {
                "line_id": "l1",
                "sku": "lamp",
                "state": "partially_shipped",
                "quantity": 5,
                "quantity_allocated": 2,
                "quantity_backordered": 0,
                "quantity_shipped": 1,
                "quantity_cancelled": 0,
                "quantity_declined": 0,
                "promise_date": None,
                "reason": "",
                "reason_code": None,
                "reason_parameters": {},
                "code": "not_allocated",
                "detail": violation.detail,
            }
        ],
    }
