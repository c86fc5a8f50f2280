"""Replies to an offer: a later one takes the place of an earlier one, and never spoils it."""

from datetime import UTC, date, datetime, timedelta

import pytest
from tests.unit.order.legal_cases import cancel, days, facts, grant, offer, wait

from order_service.domain.promises.calendar import end_of_day
from order_service.domain.promises.law import judge_line
from order_service.domain.promises.records import Offer, OfferState, Reply, SilenceMeans
from order_service.domain.promises.replies import ReplyRefused, reply_to
from order_service.domain.promises.verdict import VerdictState

T, ZONE = date(2025, 3, 7), "America/New_York"
LATER = T + days(90)
ENDS = end_of_day(T + days(30), ZONE)
IN_TIME = ENDS - timedelta(microseconds=1)


def _offer() -> Offer:
    made = datetime(2025, 3, 1, tzinfo=UTC)
    told = offer(1, LATER, made, silence=SilenceMeans.CANCELLATION)
    return Offer(**{name: getattr(told, name) for name in told.__slots__} | {"respond_by": ENDS})


def _replied(one: Offer, *replies: Reply) -> Offer:
    for reply in replies:
        one = reply_to(one, reply, ZONE, anything_open=True).offer
    return one


@pytest.mark.parametrize("late", [grant(ENDS, LATER + days(9)), grant(ENDS + days(3), LATER)])
def test_a_word_after_the_time_to_answer_does_not_undo_a_consent_that_came_in_time(late: Reply) -> None:
    waits = _replied(_offer(), wait(IN_TIME))
    with pytest.raises(ReplyRefused, match="answer from before holds") as refused:
        _replied(waits, late)
    assert (refused.value.code, refused.value.outcome) == ("reply_too_late", OfferState.CONSENTED)
    order = facts(T, LATER, zone=ZONE, offers=[waits])
    assert judge_line(order, order.lines[0], ENDS + days(4)).state is VerdictState.CONSENTED


def test_the_same_word_again_after_the_time_to_answer_has_no_effect() -> None:
    waits = _replied(_offer(), wait(IN_TIME))
    assert _replied(waits, wait(ENDS)) == waits


def test_whoever_waits_may_cancel_after_the_time_to_answer_and_whoever_was_silent_may_not() -> None:
    waits = _replied(_offer(), wait(IN_TIME))
    assert _replied(waits, cancel(ENDS)).state is OfferState.REFUSED
    with pytest.raises(ReplyRefused, match="Silence cancelled the units then"):
        _replied(_offer(), cancel(ENDS))


def test_until_its_last_moment_the_newest_word_counts() -> None:
    order = facts(T, LATER, zone=ZONE, offers=[_replied(_offer(), wait(IN_TIME), grant(IN_TIME, T + days(31)))])
    assert judge_line(order, order.lines[0], ENDS).limit == T + days(31)
