"""Times, days, names and numbers of inventory's bodies are what they say or are refused."""

from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from inventory_service.entrypoints.http.catalogue.sku_schemas import SellingPolicyBody
from inventory_service.entrypoints.http.purchasing.purchase_order_schemas import LineChangeBody, PurchaseOrderBody
from inventory_service.entrypoints.http.stock.adjustment_schemas import AdjustmentBody
from inventory_service.entrypoints.http.stock.count_schemas import CountBody
from inventory_service.entrypoints.http.stock.receipt_schemas import ReceiptBody

LINE = {"sku": "lamp", "quantity": 1, "eta": "2027-03-28"}
ORDER = {"reference": "po-1", "supplier_id": "acme", "location_id": "main", "lines": [LINE]}
RECEIPT = {"reference": "grn-1", "location_id": "main", "lines": [{"sku": "lamp", "quantity": 1}]}


@pytest.mark.parametrize(
    "eta", ["20270328", "1806192000", "2027-03-28T10:00:00", "2027-3-28", "2027-03-28 ", 1806192000]
)
def test_an_eta_that_is_no_day_and_no_date_time_is_refused(eta: Any) -> None:
    with pytest.raises(ValidationError):
        PurchaseOrderBody.model_validate({**ORDER, "lines": [{**LINE, "eta": eta}]})


def test_an_eta_is_a_moment_or_the_beginning_of_a_day_in_utc() -> None:
    for eta, expected in (
        ("2027-03-28", "2027-03-28T00:00:00+00:00"),
        ("2027-03-28T10:00:00+02:00", "2027-03-28T08:00:00+00:00"),
    ):
        body = PurchaseOrderBody.model_validate({**ORDER, "lines": [{**LINE, "eta": eta}]})
        assert body.lines[0].eta.isoformat() == expected


@pytest.mark.parametrize("received_at", ["20270328", "0", 0, "3000-01-01T00:00:00Z", "2027-03-28"])
def test_a_business_time_that_is_no_date_time_is_refused(received_at: Any) -> None:
    with pytest.raises(ValidationError):
        ReceiptBody.model_validate({**RECEIPT, "received_at": received_at})


@pytest.mark.parametrize("release_date", ["0", "86400", "2027-03-28T00:00:00", 0])
def test_a_release_date_that_is_no_day_is_refused(release_date: Any) -> None:
    with pytest.raises(ValidationError):
        SellingPolicyBody.model_validate({"mode": "preorder", "release_date": release_date})


@pytest.mark.parametrize("reference", ["a\nb", "a\x85b", "a\u2028b", ""])
def test_control_characters_and_line_breaks_are_in_no_name(reference: str) -> None:
    with pytest.raises(ValidationError):
        ReceiptBody.model_validate({**RECEIPT, "reference": reference})


@pytest.mark.parametrize(
    ("body", "document"),
    [
        (PurchaseOrderBody, {**ORDER, "lines": [{**LINE, "quantity": 1.5}]}),
        (LineChangeBody, {"quantity": 1.5}),
        (ReceiptBody, {**RECEIPT, "lines": [{"sku": "lamp", "quantity": 1.5}]}),
        (CountBody, {"location_id": "main", "lines": [{"sku": "lamp", "counted_quantity": 1.5}]}),
        (AdjustmentBody, {"location_id": "main", "reason": "lost", "lines": [{"sku": "lamp", "delta": -1.5}]}),
        (SellingPolicyBody, {"mode": "backorder", "backorder_cap": 1.5}),
    ],
)
def test_a_fraction_of_a_unit_is_refused_with_what_to_send_instead(
    body: type[BaseModel], document: dict[str, Any]
) -> None:
    with pytest.raises(ValidationError, match="smallest unit"):
        body.model_validate(document)
