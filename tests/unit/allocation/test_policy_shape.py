"""The shape of a policy's document: what does not fit is told at its place, all of it at once."""

from typing import Any

import pytest

from allocation_service.application.policies.policy_templates import templates
from allocation_service.domain.policies.policy import Policy
from allocation_service.domain.policies.policy_document import policy_document
from allocation_service.domain.policies.policy_shape import shape_faults


@pytest.mark.parametrize(
    "policy", [Policy(), *(one.policy for one in templates(("gold", "silver")))], ids=lambda one: one.sort.value
)
def test_every_policy_has_the_shape_of_one(policy: Policy) -> None:
    assert shape_faults(policy_document(policy)) == []
    assert shape_faults({}) == []


def test_what_does_not_fit_is_told_at_its_place() -> None:
    document: dict[str, Any] = {
        "sort": "loudest",
        "share": ["max_min"],
        "protect_promises": 1,
        "tiers": [{"name": "a", "weight": "4", "patience_days": True}],
        "value_index": {"weights": {"loyalty": 1.5, "a/b": 1}},
        "holdback": [],
        "quotas": {"web": 3},
        "ageing": None,
        "bypass_limit": None,
        "lending": {},
        "colour": "red",
    }
    assert {fault.pointer for fault in shape_faults(document)} == {
        "/sort", "/share", "/protect_promises", "/tiers/0/weight", "/tiers/0/patience_days", "/tiers/0/due_days",
        "/value_index/weights/loyalty", "/value_index/weights/a~1b", "/holdback", "/quotas", "/colour",
    }  # fmt: skip


def test_the_words_say_what_would_fit() -> None:
    document = {"quotas": [{"field": "shop", "name": "x", "units": 1}], "sort": "loudest"}
    assert [fault.detail for fault in shape_faults(document)] == [
        "Must be channel or region.",
        "Must be fifo, priority, earliest_due or value_index.",
    ]
    assert [fault.detail for fault in shape_faults([])] == ["Must be an object."]


def test_a_fraction_of_a_unit_is_told_with_what_to_state_instead() -> None:
    document = {"quotas": [{"field": "channel", "name": "x", "units": 1.5}], "holdback": {"max_units": 0.5}}
    units = [fault for fault in shape_faults(document) if "smallest unit" in fault.detail]
    assert {fault.pointer for fault in units} == {"/quotas/0/units", "/holdback/max_units"}
