"""Refusals of the domain as HTTP callers see them: status, code, places in the body, data."""

import inspect

import pytest

from inventory_service.domain import errors
from inventory_service.domain.document_types import DocumentType
from inventory_service.domain.errors import (
    BelowReceived,
    BelowZero,
    BrokenLine,
    LevelTooLarge,
    LineClosed,
    LinesRefused,
    NameFault,
    NameKind,
    NamesRefused,
    OrderLocationInactive,
    PurchaseOrderLineNotFound,
    ReferenceTaken,
    StockRuleBroken,
    VersionMismatch,
    VersionRequired,
)
from inventory_service.entrypoints.http.problems import PROBLEMS
from service_kit.http.problems import Problem


def problem_of(error: Exception) -> Problem:
    return PROBLEMS[type(error)](error)


def test_every_refusal_of_a_use_case_has_a_problem():
    # The rules of one level reach callers as reasons of LinesRefused, never by themselves.
    refusals = {
        error
        for _, error in inspect.getmembers(errors, inspect.isclass)
        if issubclass(error, Exception) and not error.__subclasses__() and not issubclass(error, StockRuleBroken)
    }
    assert refusals == PROBLEMS.keys()


def test_names_are_refused_with_the_place_of_each():
    faults = [
        NameFault(NameKind.SUPPLIER),
        NameFault(NameKind.LOCATION),
        NameFault(NameKind.LOCATION, 2),
        NameFault(NameKind.SKU, 0),
        NameFault(NameKind.PURCHASE_ORDER_LINE, 1),
        NameFault(NameKind.PURCHASE_ORDER_LINE, 3, other_sku=True),
    ]
    problem = problem_of(NamesRefused(faults))
    assert (problem.status, problem.code) == (422, "validation_failed")
    assert [(error.pointer, error.detail) for error in problem.errors] == [
        ("/supplier_id", "there is no such supplier"),
        ("/location_id", "there is no such location"),
        ("/lines/2/location_id", "there is no such location"),
        ("/lines/0/sku", "there is no such SKU"),
        ("/lines/1/purchase_order_line_id", "there is no such purchase-order line"),
        ("/lines/3/purchase_order_line_id", "the purchase-order line is for another SKU"),
    ]


@pytest.mark.parametrize(
    ("document_type", "field"),
    [(DocumentType.RECEIPT, "quantity"), (DocumentType.COUNT, "counted_quantity"), (DocumentType.ADJUSTMENT, "delta")],
)
def test_lines_are_refused_at_the_field_that_states_their_units(document_type, field):
    problem = problem_of(LinesRefused(document_type, [BrokenLine(3, LevelTooLarge(1_000_000_000))]))
    assert (problem.status, problem.code) == (409, "level_too_large")
    [error] = problem.errors
    assert (error.pointer, error.detail) == (
        f"/lines/3/{field}",
        LevelTooLarge(1_000_000_000).args[0],
    )


def test_one_line_below_zero_makes_a_document_a_matter_of_insufficient_stock():
    broken = [BrokenLine(0, LevelTooLarge(9)), BrokenLine(1, BelowZero(4))]
    problem = problem_of(LinesRefused(DocumentType.ADJUSTMENT, broken))
    assert (problem.status, problem.code) == (409, "insufficient_stock")
    assert [error.detail for error in problem.errors] == [
        LevelTooLarge(9).args[0],
        "only 4 units are on hand",
    ]


def test_conflicts_tell_the_state_that_they_are_about():
    refusals = (ReferenceTaken("r-1"), LineClosed("closed"), BelowReceived(4))
    taken, closed, received = map(problem_of, refusals)
    assert (taken.status, taken.code, taken.extra) == (409, "reference_taken", {"existing_id": "r-1"})
    assert (closed.status, closed.code, closed.extra) == (409, "purchase_order_line_closed", {"state": "closed"})
    assert (received.status, received.code) == (409, "quantity_below_received")
    assert (received.extra, received.errors[0].pointer) == ({"quantity_received": 4}, "/quantity")


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (PurchaseOrderLineNotFound(), 404, "purchase_order_line_not_found"),
        (VersionMismatch(3), 412, "precondition_failed"),
        (VersionMismatch(None), 412, "precondition_failed"),
        (VersionRequired(), 428, "precondition_required"),
        (OrderLocationInactive(), 409, "location_inactive"),
    ],
)
def test_the_other_refusals_are_statuses_of_http(error, status, code):
    problem = problem_of(error)
    assert (problem.status, problem.code) == (status, code)
