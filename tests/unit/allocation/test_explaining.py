"""Reasons and facts in words that a merchandiser reads."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from allocation_service.domain import reasons
from allocation_service.domain.allocating.deciding_new_demand import refusal
from allocation_service.domain.decisions.position_facts import position_facts
from allocation_service.domain.decisions.queue_position import (
    Ahead,
    Cover,
    Held,
    Missing,
    PromisedClaim,
    Quantities,
    Receipt,
    cover,
    held_until,
)
from allocation_service.domain.policies.policy import Ageing, BetterTiers, Demand, Holdback, Moment, Policy, Share, Sort
from allocation_service.domain.reasons import Reason, ReasonCode
from allocation_service.domain.supply.selling_terms import Terms
from allocation_service.domain.supply.sku import Inbound
from allocation_service.wording.en import EN
from allocation_service.wording.line_words import LineSituation, fact_in_words, receipt_in_words, summary
from allocation_service.wording.reason_words import outcome_of

TODAY = date(2026, 6, 1)
NOW = datetime(2026, 6, 1, 9, tzinfo=UTC)
HELD = reasons.held_back(0, "gold", 12, or_better=True)
QUOTA = reasons.used_up(0, "channel", "web", 20)
KEPT = reasons.kept_for_others(0)
BACKORDER = Terms("backorder", 5, 4)


def refused(*, latest: date | None = None, expected: date | None = None, terms: Terms = BACKORDER) -> Reason:
    reason = refusal(3, 1 if terms is not BACKORDER or latest else 2, terms, 1, promise_date=expected, latest=latest)
    assert reason is not None
    return reason


SAID = [
    (reasons.moved_by_run(2, "win"), 3, 2, "It got 2 of 3 units: by a run, under the strategy win."),
    (reasons.moved_by_run(-2, "lose"), 3, -2, "It gave back 2 units: by a run, under the strategy lose."),
    (reasons.moved_by_run(0, "gain"), 3, 0, "It keeps what it had: by a run, under the strategy gain."),
    (reasons.GRANTED, 3, 3, "It got all 3 units it asked for."),
    (reasons.GRANTED, 1, 1, "It got the unit it asked for."),
    (reasons.PARTLY, 3, 1, "It got 1 of 3 units: the free stock did not reach further."),
    (reasons.RAN_OUT, 3, 0, "It got none of 3 units: the free stock did not reach further."),
    (reasons.RAN_OUT, 1, 0, "It got nothing: the free stock did not reach further."),
    (
        reasons.INCOMPLETE,
        2,
        0,
        "It got none of 2 units: the order ships complete and cannot be filled whole yet.",
    ),
    (
        reasons.kept_for_it(4),
        2,
        0,
        "It got none of 2 units: the order ships complete and cannot be filled whole yet; it was passed 4 times,"
        " and now its stock is kept.",
    ),
    (
        reasons.DEFERRED,
        2,
        0,
        "It got none of 2 units: its order was left to be decided by itself, all of its articles together.",
    ),
    (reasons.BEHIND, 2, 0, "It got none of 2 units: an order before it was still to be decided by itself."),
    (
        HELD.reason(0, 2),
        2,
        0,
        "It got none of 2 units: 12 kept for customers of tier gold or better expected to order before the next"
        " receipt.",
    ),
    (
        HELD.reason(1, 2),
        2,
        1,
        "It got 1 of 2 units: 12 kept for customers of tier gold or better expected to order before the next receipt.",
    ),
    (
        QUOTA.reason(0, 2),
        2,
        0,
        "It got none of 2 units: channel web has had its quota of 20 since the last receipt.",
    ),
    (QUOTA.reason(1, 2), 2, 1, "It got 1 of 2 units: channel web has had its quota of 20 since the last receipt."),
    (
        KEPT.reason(0, 2),
        2,
        0,
        "It got none of 2 units: the stock is kept for an order that others have passed as often as the policy allows.",
    ),
    (
        KEPT.reason(1, 2),
        2,
        1,
        "It got 1 of 2 units: the stock is kept for an order that others have passed as often as the policy allows.",
    ),
    (
        reasons.TAKEN_BACK,
        2,
        -2,
        "It gave back 2 units: there was less stock than had been allocated, and those last in the queue give back"
        " first.",
    ),
    (
        reasons.RELEASED,
        1,
        -1,
        "It gave back 1 unit: its order ships complete and no longer could.",
    ),
    (
        reasons.UNDECIDED,
        2,
        0,
        "It got none of 2 units: how this article is sold has not been announced yet.",
    ),
    (refused(terms=Terms("discontinued", None, 0)), 3, 0, "It was declined: the article is discontinued."),
    (
        refused(terms=Terms("stock_only", None, 0)),
        3,
        0,
        "It was declined: the article is sold from stock only, and 1 of 3 units were there.",
    ),
    (
        refused(),
        3,
        0,
        "It was declined: no more than 5 units of this article may wait, and with these more would.",
    ),
    (
        refused(latest=date(2026, 6, 9), expected=date(2027, 1, 2)),
        3,
        0,
        "It was declined: it is expected on 2 January 2027, and 9 June was the last acceptable date.",
    ),
    (
        refused(latest=date(2026, 6, 9)),
        3,
        0,
        "It was declined: no date can be named for it, and 9 June was the last acceptable one.",
    ),
    (
        reasons.OTHER_LINE_DECLINED,
        3,
        0,
        "It was declined: its order ships complete, and another line of it was declined.",
    ),
    (
        reasons.lent(2, date(2026, 6, 5)),
        2,
        -2,
        "It lent 2 units: they are due back on 5 June; the line that has them is due before any stock comes.",
    ),
    (
        reasons.borrowed(2, date(2026, 6, 9)),
        2,
        2,
        "It got 2 of 2 units: lent by a line that needs them on 9 June.",
    ),
    (reasons.REPAID, 2, 1, "It got 1 of 2 units: what it had lent came back."),
    (None, 3, 0, "Nothing has been decided about it yet."),
    (
        Reason(ReasonCode.UNRECOGNISED, {"text": "a {moon}"}),
        2,
        0,
        "It got none of 2 units: a {moon}.",
    ),
]


@pytest.mark.parametrize(("reason", "wanted", "given", "words"), SAID)
def test_a_reason_is_told_in_words(reason: Reason | None, wanted: int, given: int, words: str) -> None:
    assert outcome_of(reason, wanted, given, TODAY, EN) == words


@pytest.mark.parametrize(
    ("share", "how"),
    [
        (Share.PROPORTIONAL, "in proportion"),
        (Share.MAX_MIN, "by max-min"),
        (Share.UNIFORM_LOSSES, "evenly"),
        (Share.SEQUENTIAL, "in turn"),
    ],
)
def test_a_shared_loss_says_how_it_is_shared(share: Share, how: str) -> None:
    assert outcome_of(reasons.shared_loss(share), 2, -2, TODAY, EN) == (
        f"It gave back 2 units: there was less stock than had been allocated, and its class shares the loss {how}."
    )


def test_every_reason_of_the_domain_is_told_above() -> None:
    told = {reason.code for reason, *_ in SAID if reason is not None} | {ReasonCode.STOCK_SHORTFALL_SHARED}
    assert told == set(ReasonCode)


def situation(**known: Any) -> LineSituation:
    return LineSituation(**{"today": TODAY, "quantities": Quantities(2, queued=2), "reason": reasons.RAN_OUT, **known})


def receipt(day: int, units: int, po_line: str = "p", announced: int | None = None) -> Receipt:
    return Receipt(date(2026, 6, day), units, po_line, "S", "HH", date(2026, 6, announced or day))


def test_a_line_before_stock_that_is_kept_says_for_whom_and_until_when() -> None:
    kept = situation(
        ahead=Ahead(0, 0),
        limit=HELD.reason(0, 2),
        held=Held(12, BetterTiers("gold", or_better=True), date(2026, 6, 3)),
        cover=Cover(receipts=(receipt(5, 2),)),
    )
    assert (
        summary(kept, EN)
        == "waits: 12 units kept for gold or better until 3 June; next in line for the receipt of 5 June"
    )


def test_units_that_are_kept_are_for_a_tier_and_all_better_ones_of_which_the_best_has_none() -> None:
    assert [Policy().better_than(level) for level in (1, 2, 3)] == [
        ("platinum", False), ("gold", True), ("silver", True),
    ]  # fmt: skip
    best = reasons.held_back(0, "platinum", 2, or_better=False).reason(0, 1)
    assert outcome_of(best, 1, 0, TODAY, EN) == (
        "It got nothing: 2 kept for customers of tier platinum expected to order before the next receipt."
    )


@pytest.mark.parametrize(
    ("known", "words"),
    [
        (
            {"ahead": Ahead(4, 37), "cover": Cover(receipts=(receipt(5, 1), receipt(12, 1, "q")))},
            "waits: behind 4 lines (37 units) for the receipt of 5 June (1 unit) and the receipt of 12 June (1 unit)",
        ),
        (
            {"ahead": Ahead(1, 1), "cover": Cover(receipts=(receipt(5, 1),), uncovered=1)},
            "waits: behind 1 line (1 unit) for the receipt of 5 June (1 unit)"
            " and one that is not announced yet (1 unit)",
        ),
        (
            {"ahead": Ahead(0, 0), "cover": Cover(uncovered=2), "promise_date": date(2026, 6, 20)},
            "waits: next in line; no receipt is announced that reaches it; by its lead time it is due on 20 June",
        ),
        (
            {"ahead": Ahead(0, 0), "cover": Cover(uncovered=2), "promise_date": date(2026, 5, 20)},
            "waits: next in line; no receipt is announced that reaches it, and 20 May, for which it was promised,"
            " has passed",
        ),
        (
            {"ahead": Ahead(0, 0), "cover": Cover(uncovered=2)},
            "waits: next in line; no receipt is announced that reaches it, and no date can be named",
        ),
        (
            {"ahead": Ahead(0, 0), "limit": QUOTA.reason(0, 2), "cover": Cover(stock=2)},
            "waits: channel web has had its quota of 20 since the last receipt; next in line for the stock there is",
        ),
        (
            {
                "ahead": Ahead(0, 0),
                "cover": Cover(stock=2),
                "ships_complete": True,
                "missing": (Missing("o-2", "lamp", 3, None), Missing("o-3", "desk", 1, None)),
            },
            "waits: the order ships complete and waits for 3 units of lamp and 1 unit of desk too;"
            " next in line for the stock there is",
        ),
        (
            {"quantities": Quantities(5, allocated=2, queued=2, shipped=1), "ahead": Ahead(0, 0)},
            "1 of 5 units shipped; 2 of 5 units allocated; 2 units wait: next in line;"
            " no receipt is announced that reaches it, and no date can be named",
        ),
        ({"quantities": Quantities(3, allocated=3), "reason": reasons.GRANTED}, "all 3 units allocated"),
        ({"quantities": Quantities(1, shipped=1), "reason": reasons.GRANTED}, "the unit shipped"),
        (
            {"quantities": Quantities(3, declined=3), "reason": reasons.DISCONTINUED},
            "all 3 units declined: the article is discontinued",
        ),
        ({"quantities": Quantities(3, allocated=1, cancelled=2)}, "1 of 3 units allocated; 2 of 3 units cancelled"),
        (
            {"quantities": Quantities(3, undecided=3), "reason": reasons.UNDECIDED},
            "all 3 units not decided yet: how this article is sold has not been announced yet",
        ),
    ],
)
def test_the_summary_says_what_a_line_has_and_what_it_waits_for(known: dict[str, Any], words: str) -> None:
    assert summary(situation(**known), EN) == words


def test_days_have_their_year_where_it_is_not_this_one() -> None:
    assert [EN.day_in_words(date(year, 1, 9), TODAY) for year in (2026, 2027)] == ["9 January", "9 January 2027"]


def inbound(po_line: str, units: int, day: int | None) -> Inbound:
    eta = NOW + timedelta(days=day) if day is not None else None
    return Inbound(po_line, units, eta, "S", "HH", 1)


def test_deliveries_serve_those_promised_first_and_stock_before_any_of_them() -> None:
    coming = [inbound("later", 4, 9), inbound("soon", 3, 4), inbound("unannounced", 50, None)]
    found = cover([PromisedClaim(before=4, units=6)], stock=2, inbound=coming, now=NOW, grace_days=2)
    assert [(one.po_line, one.units) for one in found.receipts] == [("soon", 1), ("later", 4)]
    assert (found.stock, found.uncovered) == (0, 1)
    assert cover([PromisedClaim(1, 2)], 2, coming, NOW, 2) == Cover(1, (receipt(5, 1, "soon"),), 0)


def test_units_at_several_places_of_the_queue_are_covered_one_by_one() -> None:
    found = cover([PromisedClaim(0, 1), PromisedClaim(5, 1)], 0, [inbound("a", 2, 4), inbound("b", 9, 9)], NOW, 2)
    assert [(one.po_line, one.units) for one in found.receipts] == [("a", 1), ("b", 1)]
    assert not found.uncovered


def test_an_overdue_delivery_is_counted_on_later_and_says_so() -> None:
    (late,) = cover([PromisedClaim(0, 1)], 0, [inbound("late", 1, -3)], NOW, 2).receipts
    assert receipt_in_words(late, TODAY, EN) == (
        "1 unit from purchase-order line late of S, expected on 3 June, announced for 29 May and overdue"
    )


def test_units_are_kept_until_the_receipt_or_until_a_line_has_waited_too_long() -> None:
    policy = Policy(holdback=Holdback(horizon_days=7))
    moment = Moment(NOW, date(2026, 6, 5))
    assert held_until(policy, moment, NOW) == date(2026, 6, 5)
    assert held_until(policy, Moment(NOW), NOW) == date(2026, 6, 8)
    aged = policy._replace(ageing=Ageing(10, 30))
    assert held_until(aged, moment, NOW - timedelta(days=28)) == date(2026, 6, 3)


def facts(policy: Policy, **known: Any) -> dict[str, Any]:
    demand = Demand("l", "o", "A", 1, NOW - timedelta(days=3), 1, **{"tier": "gold", **known})
    return {one.name: one.value for one in position_facts(demand, policy, Moment(NOW, date(2026, 6, 15)))}


def test_a_place_is_explained_by_what_its_sort_looks_at() -> None:
    joined = (NOW - timedelta(days=3)).isoformat()
    assert facts(Policy(sort=Sort.FIFO)) == {"queued_at": joined}
    assert facts(Policy(sort=Sort.PRIORITY)) == {"tier": "gold", "needed_by": "none", "queued_at": joined}
    assert facts(Policy(sort=Sort.EARLIEST_DUE)) == {"due": "2026-06-01", "queued_at": joined}
    value = facts(Policy(sort=Sort.VALUE_INDEX))
    assert list(value) == ["value", "tier", "due", "queued_at"]
    # Weight 4; the wait makes it 14 days late, and it is lost with probability 1 - e^(-14/40).
    assert value["value"] == pytest.approx(4 * (14 + 30 * 0.29531), abs=0.01)


def test_a_promise_before_the_next_receipt_a_long_wait_and_a_share_are_told_too() -> None:
    policy = Policy(sort=Sort.FIFO, share=Share.MAX_MIN, ageing=Ageing(1, 2), bypass_limit=3)
    found = facts(policy, promise_date=date(2026, 6, 12), claim_date=date(2026, 6, 9), bypassed=2)
    assert found == {
        "claim_date": "2026-06-09",
        "days_waiting": 3,
        "queued_at": (NOW - timedelta(days=3)).isoformat(),
        "share": "max_min",
        "bypassed": 2,
    }


def test_a_claim_is_told_as_the_promise_only_where_that_is_the_promised_day() -> None:
    day = date(2026, 6, 9)
    assert facts(Policy(), promise_date=day, claim_date=day)["promise_date"] == day.isoformat()
    assert "promise_date" not in facts(Policy(), promise_date=date(2026, 6, 12), claim_date=day)


def test_a_tier_the_policy_does_not_know_is_told_as_the_one_it_is_treated_as() -> None:
    demand = Demand("l", "o", "A", 1, NOW - timedelta(days=30), 9, tier="bronze")
    policy = Policy(sort=Sort.PRIORITY, ageing=Ageing(6, 90))
    (tier, *_) = position_facts(demand, policy, Moment(NOW))
    assert (tier.value, fact_in_words(tier, EN)) == (
        "standard",
        "tier 4 of 4, weight 1; the order says bronze, which this policy treats as standard",
    )
