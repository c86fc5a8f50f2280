"""How the simulated customers and suppliers behave."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime

from backorder_workload.replay.customers import behaviour_of, has_contact
from backorder_workload.replay.generator import generate
from backorder_workload.replay.inbound import OpenPurchase
from backorder_workload.replay.purchasing import PlannedLine, PlannedOrder
from backorder_workload.replay.session import Schedule, stamp

ORDERS = generate(800, seed=2).orders


def test_an_order_behaves_the_same_in_every_replay_with_its_seed() -> None:
    assert [behaviour_of(order, seed=1) for order in ORDERS] == [behaviour_of(order, seed=1) for order in ORDERS]
    assert [behaviour_of(order, seed=1) for order in ORDERS] != [behaviour_of(order, seed=2) for order in ORDERS]


def test_a_tier_belongs_to_the_customer_and_not_to_the_order() -> None:
    order = ORDERS[0]
    tiers = {behaviour_of(replace(order, reference=str(number), customer="17850"), seed=1).tier for number in range(20)}
    assert len(tiers) == 1


def test_every_behaviour_occurs_and_none_is_the_rule() -> None:
    behaviours = [behaviour_of(order, seed=1) for order in ORDERS]
    assert set(Counter(behaviour.tier for behaviour in behaviours)) == {"gold", "silver", "bronze"}
    for behaviour in (
        [behaviour.ship_complete for behaviour in behaviours],
        [behaviour.changes_mind for behaviour in behaviours],
        [behaviour.returns for behaviour in behaviours],
        [behaviour.patience_days is not None for behaviour in behaviours],
        [behaviour.amends_to is not None for behaviour in behaviours],
        [behaviour.latest_acceptable_date is not None for behaviour in behaviours],
    ):
        assert 0 < sum(behaviour) < len(ORDERS) / 2


def test_about_the_share_asked_for_left_an_address() -> None:
    people = [str(number) for number in range(1_000)]
    assert 200 < sum(has_contact(person, 0.25, seed=1) for person in people) < 300
    assert not any(has_contact(person, 0, seed=1) for person in people)
    assert all(has_contact(person, 1, seed=1) for person in people)


def purchase(quantity: int) -> OpenPurchase:
    plan = PlannedOrder(
        "r-PO", "SUP", "LONDON", datetime(2011, 1, 3, 22, tzinfo=UTC), date(2011, 1, 10), (PlannedLine("A", quantity),)
    )
    return OpenPurchase(plan, "po", ("p1",), [0], set())


def test_units_never_ordered_are_counted_once_over_several_deliveries() -> None:
    po = purchase(10)
    assert [po.takes(0, 6), po.takes(0, 6), po.takes(0, 1)] == [0, 2, 1]


def test_a_short_close_gives_up_what_has_not_come() -> None:
    po = purchase(10)
    po.takes(0, 7)
    assert po.closes(0) == 3
    over = purchase(10)
    over.takes(0, 12)
    assert over.closes(0) == 0


def test_a_schedule_returns_each_entry_once_on_its_day() -> None:
    schedule: Schedule[str] = Schedule()
    schedule.add(date(2011, 1, 1), "a")
    schedule.add(date(2011, 1, 2), "b")
    assert (schedule.take(date(2011, 1, 1)), schedule.take(date(2011, 1, 1)), len(schedule)) == (["a"], [], 1)


def test_a_business_time_is_written_in_utc() -> None:
    assert stamp(datetime(2011, 1, 3, 22, tzinfo=UTC)) == "2011-01-03T22:00:00Z"
