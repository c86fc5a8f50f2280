"""Times, days, names and numbers of inventory's bodies are what they say or are refused."""

from datetime import date, time
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from inventory_service.domain.handling_calendar import ALWAYS_OPEN, Weekday
from inventory_service.entrypoints.http.catalogue.location_schemas import LocationBody
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


@pytest.mark.parametrize(
    ("field", "value", "remedy"),
    [
        ("time_zone", "Europe/Gotham", "IANA name"),
        ("time_zone", "europe/berlin", "IANA name"),
        ("cut_off", "24:00", "14:30"),
        ("cut_off", "9:00", "14:30"),
        ("cut_off", "14:30:00", "14:30"),
        ("cut_off", 870, "14:30"),
        ("handling_days", -1, "greater than or equal to 0"),
        ("handling_days", 366, "less than or equal to 365"),
        ("handling_days", 1.5, "integer"),
        ("working_days", [], "at least 1"),
        ("working_days", ["mon"], "monday"),
        ("holidays", ["1999-12-31"], "2000 to 2199"),
        ("holidays", ["2200-01-01"], "2000 to 2199"),
        ("holidays", ["2026-02-30"], "2026-05-04"),
        ("holidays", ["2026-01-01"] * 1001, "at most 1000"),
    ],
)
def test_a_calendar_that_no_location_can_have_is_refused_with_the_field_and_the_remedy(
    field: str, value: Any, remedy: str
) -> None:
    with pytest.raises(ValidationError) as refused:
        LocationBody.model_validate({"name": "Main", field: value})
    [error] = refused.value.errors()
    assert error["loc"][0] == field
    assert remedy in error["msg"]


def test_a_calendar_is_read_in_one_form_and_is_always_open_where_nothing_is_stated() -> None:
    body = LocationBody.model_validate(
        {
            "name": "Main",
            "cut_off": "14:30",
            "working_days": ["friday", "monday", "friday"],
            "holidays": ["2027-01-01", "2026-12-25", "2027-01-01"],
        }
    )
    calendar = body.calendar()
    assert calendar.working_days == (Weekday.MONDAY, Weekday.FRIDAY)
    assert calendar.holidays == (date(2026, 12, 25), date(2027, 1, 1))
    assert calendar.cut_off == time(14, 30)
    assert LocationBody.model_validate({"name": "Main"}).calendar() == ALWAYS_OPEN
