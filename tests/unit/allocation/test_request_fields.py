"""Times and names of allocation's bodies are what they say or are refused."""

from typing import Any

import pytest
from pydantic import ValidationError

from allocation_service.entrypoints.http.availability import Cart
from allocation_service.entrypoints.http.policy_schemas import ActivateBody
from allocation_service.entrypoints.http.run_schemas import FilterBody


@pytest.mark.parametrize(
    "fields",
    [
        {"waiting_before": 0},
        {"waiting_before": "20270328"},
        {"waiting_before": "9999-12-31T23:59:59-12:00"},
        {"needed_before": 0},
        {"needed_before": "86400"},
        {"needed_before": "2027-03-28T00:00:00"},
        {"skus": ["la\nmp"]},
    ],
)
def test_a_filter_of_what_is_no_time_or_no_name_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        FilterBody.model_validate(fields)


def test_the_moments_of_a_filter_are_kept_in_utc() -> None:
    asked = FilterBody.model_validate({"waiting_before": "2027-03-28T10:00:00+02:00"}).filter()
    assert asked.waiting_before is not None
    assert asked.waiting_before.isoformat() == "2027-03-28T08:00:00+00:00"


@pytest.mark.parametrize("valid_from", ["20270328", 0, "2027-03-28T10:00:00", "3000-01-01T00:00:00Z"])
def test_a_version_is_put_in_force_at_a_moment_only(valid_from: Any) -> None:
    with pytest.raises(ValidationError):
        ActivateBody.model_validate({"valid_from": valid_from})


def test_a_fraction_of_a_unit_is_refused_with_what_to_send_instead() -> None:
    with pytest.raises(ValidationError, match="smallest unit"):
        Cart.model_validate({"lines": [{"sku": "lamp", "quantity": 1.5}]})
