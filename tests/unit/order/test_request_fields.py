"""Times and names of the order service's bodies are what they say or are refused."""

from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from order_service.entrypoints.http.order_change_schemas import Cancellation, LinePatch, LineToAdd, OrderPatch
from order_service.entrypoints.http.order_schemas import NewOrder
from order_service.entrypoints.http.shipment_schemas import NewShipment

ORDER = {"reference": "WEB-1", "lines": [{"sku": "lamp", "quantity": 1}]}


@pytest.mark.parametrize(
    "fields",
    [
        {"placed_at": "3000-01-01T00:00:00Z"},
        {"placed_at": "20270328"},
        {"needed_by": "20270328"},
        {"needed_by": "9999-12-31"},
        {"reference": "a\nb"},
        {"customer_id": "a\tb"},
        {"customer_id": "ada@example.com"},
        {"contact_id": "ada@example.com"},
        {"location_preference": "a\u2028b"},
        {"lines": [{"sku": "la\rmp", "quantity": 1}]},
    ],
)
def test_what_is_no_time_or_no_name_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        NewOrder.model_validate({**ORDER, **fields})


@pytest.mark.parametrize("field", ["customer_id", "contact_id"])
def test_an_address_enters_no_event_by_a_change_either(field: str) -> None:
    with pytest.raises(ValidationError, match="not an e-mail address"):
        OrderPatch.model_validate({field: "ada@example.com"})


def test_a_moment_is_kept_in_utc() -> None:
    placed_at = NewOrder.model_validate({**ORDER, "placed_at": "2026-05-04T10:00:00+02:00"}).placed_at
    assert placed_at is not None
    assert placed_at.isoformat() == "2026-05-04T08:00:00+00:00"


def test_a_whole_number_may_be_written_with_a_fraction_of_zero() -> None:
    """JSON Schema knows 2 and 2.0 as the same integer, so the document promises that both are taken."""
    assert NewOrder.model_validate({**ORDER, "lines": [{"sku": "lamp", "quantity": 2.0}]}).lines[0].quantity == 2


@pytest.mark.parametrize(
    ("body", "document"),
    [
        (NewOrder, {**ORDER, "lines": [{"sku": "lamp", "quantity": 1.5}]}),
        (LineToAdd, {"sku": "lamp", "quantity": 1.5}),
        (LinePatch, {"quantity": 1.5}),
        (Cancellation, {"lines": [{"line_id": "1", "quantity": 1.5}]}),
        (NewShipment, {"location_id": "A", "lines": [{"line_id": "1", "quantity": 1.5}]}),
    ],
)
def test_a_fraction_of_a_unit_is_refused_with_what_to_send_instead(
    body: type[BaseModel], document: dict[str, Any]
) -> None:
    with pytest.raises(ValidationError, match="smallest unit"):
        body.model_validate(document)
