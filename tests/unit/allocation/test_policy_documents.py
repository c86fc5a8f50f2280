"""A policy survives being written down, and a bad one is told everything that is wrong with it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allocation_service.domain.policies.policy import (
    DEFAULT_TIERS,
    Ageing,
    Complete,
    Holdback,
    Lending,
    Policy,
    Quota,
    Share,
    Sort,
    TierTerms,
    ValueIndex,
    Weights,
)
from allocation_service.domain.policies.policy_document import policy_document, policy_from, stored_policy, validate

NUMBERS = st.integers(0, 500)
TIERS = st.lists(st.builds(TierTerms, st.text(min_size=1), NUMBERS, NUMBERS, NUMBERS), min_size=1, max_size=4)
QUOTAS = st.lists(st.builds(Quota, st.sampled_from(("channel", "region")), st.text(min_size=1), NUMBERS), max_size=3)
POLICIES = st.builds(
    Policy,
    name=st.text(min_size=1),
    version=NUMBERS,
    sort=st.sampled_from(Sort),
    protect_promises=st.booleans(),
    share=st.sampled_from(Share),
    tiers=st.one_of(st.just(DEFAULT_TIERS), TIERS.map(tuple)),
    value_index=st.builds(ValueIndex, st.builds(Weights, NUMBERS, NUMBERS, NUMBERS, NUMBERS), NUMBERS),
    holdback=st.none() | st.builds(Holdback, st.booleans(), st.none() | NUMBERS, st.none() | NUMBERS),
    quotas=QUOTAS.map(tuple),
    ageing=st.none() | st.builds(Ageing, NUMBERS, NUMBERS),
    bypass_limit=st.none() | NUMBERS,
    complete=st.sampled_from(Complete),
    lending=st.none() | st.builds(Lending, NUMBERS, NUMBERS, NUMBERS),
)


@given(POLICIES)
def test_a_policy_survives_being_written_as_json_and_read_again(policy: Policy) -> None:
    assert policy_from(json.loads(json.dumps(policy_document(policy)))) == policy
    assert policy_from(json.loads(json.dumps(stored_policy(policy)))) == policy


def test_a_plain_policy_is_stored_with_no_more_than_its_name_version_sort_and_protection() -> None:
    assert set(stored_policy(Policy())) == {"name", "version", "sort", "protect_promises"}


def test_what_a_document_leaves_out_is_as_in_a_plain_policy() -> None:
    assert policy_from({"sort": "priority", "value_index": {"loss_days": 7}}) == Policy(
        sort=Sort.PRIORITY, value_index=ValueIndex(loss_days=7)
    )


@pytest.mark.parametrize("document", [{"sort": "random"}, {"sorts": "fifo"}, {"ageing": {"days": 3}}])
def test_what_is_no_policy_is_refused(document: dict[str, object]) -> None:
    with pytest.raises((ValueError, TypeError)):
        policy_from(document)


def test_the_policies_one_begins_with_have_no_fault() -> None:
    assert all(validate(Policy(sort=sort)) == [] for sort in Sort)


@pytest.mark.parametrize(
    ("policy", "pointer"),
    [
        (Policy(tiers=()), "/tiers"),
        (Policy(tiers=(TierTerms("", 1, 1, 1),)), "/tiers/0/name"),
        (Policy(tiers=(TierTerms("a", 1, 1, 1), TierTerms("a", 1, 1, 1))), "/tiers/1/name"),
        (Policy(tiers=(TierTerms("a", 0, 1, 1),)), "/tiers/0/weight"),
        (Policy(tiers=(TierTerms("a", 1, 1, 1), TierTerms("b", 2, 1, 1))), "/tiers/1/weight"),
        (Policy(tiers=(TierTerms("a", 1, 0, 1),)), "/tiers/0/patience_days"),
        (Policy(tiers=(TierTerms("a", 1, 1, -1),)), "/tiers/0/due_days"),
        (Policy(value_index=ValueIndex(Weights(urgency=-1))), "/value_index/weights/urgency"),
        (Policy(value_index=ValueIndex(loss_days=-1)), "/value_index/loss_days"),
        (Policy(tiers=(TierTerms("a", 1, 1, 1),), holdback=Holdback()), "/holdback"),
        (Policy(holdback=Holdback(horizon_days=0)), "/holdback/horizon_days"),
        (Policy(holdback=Holdback(max_units=-1)), "/holdback/max_units"),
        (Policy(ageing=Ageing(0, 5)), "/ageing/step_days"),
        (Policy(ageing=Ageing(9, 5)), "/ageing/max_days"),
        (Policy(bypass_limit=-1), "/bypass_limit"),
        (Policy(complete=Complete.OPTIMAL), "/complete"),
        (Policy(quotas=(Quota("store", "x", 1),)), "/quotas/0/field"),  # type: ignore[arg-type]
        (Policy(quotas=(Quota("channel", "", 1),)), "/quotas/0/name"),
        (Policy(quotas=(Quota("channel", "web", -1),)), "/quotas/0/units"),
        (Policy(quotas=(Quota("channel", "web", 1), Quota("channel", "web", 2))), "/quotas/1"),
    ],
)
def test_each_fault_is_told_where_it_is(policy: Policy, pointer: str) -> None:
    faults = validate(policy)
    assert [fault.pointer for fault in faults] == [pointer]
    assert faults[0].detail.endswith(".")


def test_all_faults_are_told_at_once() -> None:
    faults = validate(Policy(tiers=(TierTerms("a", 0, 0, 1),), ageing=Ageing(0, 0), bypass_limit=-1))
    assert len(faults) == 5


def test_lending_that_could_never_be_shown_to_be_safe_is_a_fault() -> None:
    faults = validate(Policy(lending=Lending(confidence_percent=100, lock_days=-1, min_observations=0)))
    assert [one.pointer for one in faults] == [
        "/lending/confidence_percent",
        "/lending/lock_days",
        "/lending/min_observations",
    ]
    assert validate(Policy(lending=Lending())) == []
