"""Which version of which policy decides, what to warn of, and what changed."""

from datetime import UTC, datetime, timedelta

import pytest

from allocation_service.application.policies.policy_advice import warnings
from allocation_service.application.policies.policy_changes import Change, changes
from allocation_service.application.policies.policy_choice import DEFAULT, AssignedPolicy, Scope, choose, in_force
from allocation_service.application.policies.policy_templates import templates, tier_terms
from allocation_service.domain.policies.policy import (
    DEFAULT_TIERS,
    Ageing,
    Complete,
    Holdback,
    Policy,
    Quota,
    Share,
    Sort,
    ValueIndex,
    Weights,
)
from allocation_service.domain.policies.policy_document import validate

NOW = datetime(2026, 11, 25, tzinfo=UTC)
DAY = timedelta(days=1)
TIERS = tuple(tier.name for tier in DEFAULT_TIERS)


def version(number: int, begin: datetime | None = None, end: datetime | None = None) -> AssignedPolicy:
    return AssignedPolicy(Policy("p", number), begin, end)


@pytest.mark.parametrize(
    ("versions", "expected"),
    [
        ([], None),
        ([version(1), version(2)], 2),
        ([version(1), version(2, NOW + DAY)], 1),
        ([version(1), version(2, NOW)], 2),
        ([version(1), version(2, None, NOW)], 1),
        ([version(1, NOW - DAY, NOW + DAY), version(2)], 1),
        ([version(1, None, NOW + DAY), version(2, None, NOW + 2 * DAY)], 2),
        ([version(1, NOW - DAY, NOW)], None),
    ],
)
def test_a_version_that_ends_stands_before_one_that_does_not_and_then_the_newest(
    versions: list[AssignedPolicy], expected: int | None
) -> None:
    for order in (versions, versions[::-1]):
        found = in_force(order, NOW)
        assert (found.version if found else None) == expected


def test_without_a_moment_no_version_with_a_window_decides() -> None:
    assert in_force([version(1), version(2, NOW - DAY, NOW + DAY)], None) == Policy("p", 1)


def test_the_nearest_scope_with_a_version_in_force_decides() -> None:
    sku, category = (Scope.SKU, "A"), (Scope.CATEGORY, "garden")
    assigned = {
        DEFAULT: [AssignedPolicy(Policy("d", 1))],
        category: [AssignedPolicy(Policy("c", 1))],
        sku: [AssignedPolicy(Policy("s", 1), None, NOW)],
    }
    assert choose(assigned, "A", "garden", NOW - DAY) == (Policy("s", 1), Scope.SKU)
    assert choose(assigned, "A", "garden", NOW) == (Policy("c", 1), Scope.CATEGORY)
    assert choose(assigned, "A", None, NOW) == (Policy("d", 1), Scope.DEFAULT)
    assert choose({}, "A", "garden", NOW) == (Policy(), Scope.DEFAULT)


@pytest.mark.parametrize("names", [TIERS, ("gold", "silver"), ("all",), tuple(f"t{n}" for n in range(20))])
def test_every_template_is_sound_and_needs_no_second_thought(names: tuple[str, ...]) -> None:
    for template in templates(names):
        assert validate(template.policy) == [], template.name
        assert warnings(template.policy, names) == [], template.name


def test_the_standard_tiers_have_the_standard_terms() -> None:
    assert tier_terms(TIERS) == DEFAULT_TIERS
    assert [tier.weight for tier in tier_terms(("a", "b", "c"))] == [4, 2, 1]


@pytest.mark.parametrize(
    ("policy", "pointer", "words"),
    [
        (Policy(share=Share.PROPORTIONAL), "/share", "inflated"),
        (Policy(quotas=(Quota("channel", "web", 5),)), "/quotas", "every other channel"),
        (Policy(sort=Sort.VALUE_INDEX, complete=Complete.OPTIMAL), "/complete", "ship complete"),
        (Policy(tiers=DEFAULT_TIERS[::-1]), "/tiers", "same order"),
        (Policy(holdback=Holdback()), "/holdback", "ageing"),
        (Policy(holdback=Holdback(max_units=0), ageing=Ageing(1, 9)), "/holdback/max_units", "switched off"),
        (
            Policy(tiers=tuple(one._replace(weight=1) for one in DEFAULT_TIERS), holdback=Holdback()),
            "/holdback",
            "same",
        ),
        (Policy(sort=Sort.VALUE_INDEX, value_index=ValueIndex(Weights(0, 0, 0, 0))), "/value_index/weights", "0"),
        (Policy(sort=Sort.VALUE_INDEX, share=Share.MAX_MIN), "/share", "single line"),
        (Policy(value_index=ValueIndex(loss_days=5)), "/value_index", "does not look"),
        (Policy(bypass_limit=0), "/bypass_limit", "as soon as"),
        (Policy(ageing=Ageing(1, 9)), "/ageing", "changes nothing"),
    ],
)
def test_what_may_not_do_what_it_was_made_for_is_warned_of(policy: Policy, pointer: str, words: str) -> None:
    assert any(one.pointer == pointer and words in one.detail for one in warnings(policy, TIERS))


def test_a_plain_policy_needs_no_warning() -> None:
    assert warnings(Policy(), TIERS) == []


def test_changes_name_the_smallest_places_that_differ() -> None:
    before = {"sort": "fifo", "tiers": [{"name": "a", "weight": 1}, {"name": "b", "weight": 1}], "ageing": None, "n": 1}
    after = {"sort": "fifo", "tiers": [{"name": "a", "weight": 2}], "ageing": {"a/b": 1}, "n": True}
    assert list(changes(before, after)) == [
        Change("/tiers/0/weight", 1, 2),
        Change("/tiers/1", {"name": "b", "weight": 1}, None),
        Change("/ageing", None, {"a/b": 1}),
        Change("/n", 1, True),
    ]
    assert list(changes({"x": {"a/b": 1}}, {"x": {"a/b": 2}})) == [Change("/x/a~1b", 1, 2)]
    assert list(changes(before, before)) == []
