"""16 CFR 435 row by row, in zones whose clocks change, at the last moment of a day and the first of the next."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.order.legal_cases import (
    DAYS_OF_CHANGED_CLOCKS,
    LINE,
    ZONES,
    before,
    cancel,
    days,
    facts,
    grant,
    offer,
    wait,
)

from order_service.domain.promises.calendar import end_of_day
from order_service.domain.promises.law import judge, judge_line
from order_service.domain.promises.records import OfferKind, OrderFacts, SilenceMeans
from order_service.domain.promises.verdict import Cancellation, CancellationCause, LineVerdict, VerdictState

every_zone = pytest.mark.parametrize("zone", ZONES)
every_day = pytest.mark.parametrize("day", DAYS_OF_CHANGED_CLOCKS, ids=str)


def _at(order: OrderFacts, now: datetime) -> LineVerdict:
    return judge_line(order, order.lines[0], now)


def _cancelled(order: OrderFacts, now: datetime) -> Cancellation:
    verdict = _at(order, now)
    assert verdict.state is VerdictState.CANCELLED
    assert verdict.cancellation is not None
    return verdict.cancellation


@every_zone
@every_day
def test_row_4_without_an_option_sent_by_the_day_that_holds_the_line_is_cancelled_at_its_end(zone, day):
    late = offer(1, day + days(10), end_of_day(day, zone), wait(end_of_day(day, zone)))
    for order in (facts(day, zone=zone), facts(day, day + days(10), zone=zone, offers=[late])):
        assert _at(order, before(day, zone)).state is not VerdictState.CANCELLED
        cancellation = _cancelled(order, end_of_day(day, zone))
        assert cancellation == Cancellation(CancellationCause.NO_NOTICE_IN_TIME, day)


@every_zone
@every_day
def test_row_1_silence_consents_to_a_first_delay_of_thirty_days_and_no_longer(zone, day):
    revised = day + days(30)
    order = facts(day, revised, zone=zone, offers=[offer(1, revised, before(day, zone))])
    assert _at(order, end_of_day(day, zone)).state is VerdictState.CONSENTED
    assert _at(order, before(revised, zone)).state is VerdictState.CONSENTED
    expected = Cancellation(CancellationCause.FURTHER_DELAY_NOT_ACCEPTED, revised)
    assert _cancelled(order, end_of_day(revised, zone)) == expected


@every_zone
@every_day
@pytest.mark.parametrize("delay", [31, 90, None])
def test_row_2_a_longer_or_unknown_delay_is_cancelled_thirty_days_later_unless_it_is_accepted(zone, day, delay):
    revised = None if delay is None else day + days(delay)
    sent, horizon = before(day, zone), day + days(30)
    silent = facts(day, revised, zone=zone, offers=[offer(1, revised, sent)])
    assert _at(silent, before(horizon, zone)).state is VerdictState.AWAITING_REPLY
    expected = Cancellation(CancellationCause.DELAY_NOT_ACCEPTED, horizon)
    assert _cancelled(silent, end_of_day(horizon, zone)) == expected
    in_time = facts(day, revised, zone=zone, offers=[offer(1, revised, sent, wait(before(horizon, zone)))])
    assert _at(in_time, end_of_day(horizon, zone)).state is VerdictState.CONSENTED
    too_late = facts(day, revised, zone=zone, offers=[offer(1, revised, sent, wait(end_of_day(horizon, zone)))])
    assert _cancelled(too_late, end_of_day(horizon, zone)) == expected


@every_zone
@every_day
def test_row_3_a_further_delay_needs_consent_that_is_received_before_the_accepted_day_is_over(zone, day):
    first, second = day + days(7), day + days(12)
    told = offer(1, first, before(day, zone))
    expected = Cancellation(CancellationCause.FURTHER_DELAY_NOT_ACCEPTED, first)
    silent = facts(day, first, second, zone=zone, offers=[told, offer(2, second, before(first, zone))])
    assert _at(silent, before(first, zone)).state is VerdictState.AWAITING_REPLY
    assert _cancelled(silent, end_of_day(first, zone)) == expected
    late_notice = offer(2, second, end_of_day(first, zone), wait(end_of_day(first, zone)))
    assert _cancelled(facts(day, first, second, zone=zone, offers=[told, late_notice]), end_of_day(first, zone)) == (
        expected
    )
    accepted = offer(2, second, before(first, zone), wait(before(first, zone)))
    order = facts(day, first, second, zone=zone, offers=[told, accepted])
    assert _at(order, end_of_day(first, zone)).limit == second
    assert _cancelled(order, end_of_day(second, zone)).vested_on == second


def test_a_consent_to_a_delay_of_unknown_length_never_lapses_and_may_be_withdrawn_at_any_time():
    day, zone = date(2025, 3, 9), "America/New_York"
    accepted = offer(1, None, before(day, zone), wait(before(day, zone)))
    verdict = _at(facts(day, None, offers=[accepted]), before(day + days(4000), zone))
    assert (verdict.state, verdict.limit, verdict.changes_at) == (VerdictState.CONSENTED, None, None)
    withdrawn = offer(1, None, before(day, zone), cancel(before(day + days(400), zone)))
    cancellation = _cancelled(facts(day, None, offers=[withdrawn]), before(day + days(400), zone))
    assert cancellation == Cancellation(CancellationCause.CUSTOMER, day + days(400))


def test_a_customer_who_grants_time_accepts_until_then_and_not_longer():
    day, zone = date(2025, 6, 2), "America/New_York"
    told = offer(1, day + days(90), before(day, zone), grant(before(day, zone), day + days(45)))
    order = facts(day, day + days(90), offers=[told])
    assert _at(order, before(day + days(45), zone)).state is VerdictState.CONSENTED
    assert _cancelled(order, end_of_day(day + days(45), zone)).vested_on == day + days(45)


@pytest.mark.parametrize(
    ("delay", "silence", "respond_after"),
    [(1, SilenceMeans.CONSENT, 1), (30, SilenceMeans.CONSENT, 30), (31, SilenceMeans.CANCELLATION, 30)],
)
def test_the_notice_of_a_first_delay_says_what_silence_means_and_until_when(delay, silence, respond_after):
    day, zone = date(2025, 3, 1), "America/Los_Angeles"
    need = _at(facts(day, day + days(delay), zone=zone), before(day - days(5), zone)).need
    assert need is not None
    assert (need.kind, need.from_date, need.to_date) == (OfferKind.DELAY, day, day + days(delay))
    assert (need.silence_means, need.notice_by) == (silence, end_of_day(day, zone))
    assert need.respond_by == end_of_day(day + days(respond_after), zone)


def test_the_notice_of_a_further_delay_asks_for_a_reply_before_the_accepted_day_is_over():
    day, zone = date(2025, 3, 1), "America/Los_Angeles"
    told = offer(1, day + days(5), before(day, zone))
    need = _at(facts(day, day + days(5), day + days(9), zone=zone, offers=[told]), before(day, zone)).need
    assert need is not None
    assert (need.kind, need.silence_means) == (OfferKind.FURTHER_DELAY, SilenceMeans.CANCELLATION)
    assert need.respond_by == need.notice_by == end_of_day(day + days(5), zone)


def test_a_day_that_does_not_pass_the_one_that_holds_needs_no_notice():
    day, zone = date(2025, 3, 1), "America/New_York"
    assert _at(facts(day, day - days(3)), before(day, zone)).need is None
    assert _at(facts(day, day + days(3), waiting=False), before(day, zone)).need is None


def test_an_offer_that_was_made_is_not_made_twice_and_counts_as_due_until_it_was_sent():
    day, zone = date(2025, 3, 1), "America/New_York"
    order = facts(day, day + days(3), offers=[offer(1, day + days(3), None)])
    verdict = _at(order, before(day, zone))
    assert (verdict.need, verdict.state) == (None, VerdictState.NOTICE_DUE)


def test_what_was_shipped_is_not_cancelled():
    day, zone = date(2025, 3, 1), "America/New_York"
    assert _at(facts(day, open_units=0), end_of_day(day + days(90), zone)).state is VerdictState.CLOSED


def test_a_refund_is_due_seven_working_days_after_the_right_vests_and_takes_the_fees_along():
    friday, zone = date(2025, 3, 7), "America/New_York"
    verdict = judge(facts(friday), end_of_day(friday, zone))
    assert list(verdict.cancelled) == [LINE]
    assert verdict.refund_due_by == end_of_day(date(2025, 3, 18), zone)
    assert verdict.refunds_fees


_moments = st.integers(-5 * 24, 70 * 24).map(lambda hours: datetime(2025, 3, 9, 7, tzinfo=UTC) + timedelta(hours=hours))
_replies = st.none() | st.builds(wait, _moments) | st.builds(cancel, _moments)
_offers = st.lists(st.tuples(st.none() | st.integers(1, 65), st.none() | _moments, _replies), max_size=4)


@given(_offers, st.permutations(range(4)), st.lists(_moments, max_size=6), st.sampled_from(ZONES))
def test_the_order_in_which_facts_are_read_and_looks_in_between_change_no_verdict(told, order, looks, zone):
    day = date(2025, 3, 9)
    made = [
        offer(number, None if delay is None else day + days(delay), sent_at, reply if sent_at else None)
        for number, (delay, sent_at, reply) in enumerate(told, start=1)
    ]
    dates = [day, *(one.lines[0].to_date for one in made)]
    shuffled = [made[at] for at in order if at < len(made)]
    one, other = facts(*dates, zone=zone, offers=made), facts(*dates, zone=zone, offers=shuffled)
    end = end_of_day(day + days(200), zone)
    first_cancelled = [now for now in sorted([*looks, end]) if _at(one, now).state is VerdictState.CANCELLED]
    for now in [*looks, end]:
        assert _at(one, now) == _at(other, now)
    for now in first_cancelled:
        # Once cancelled, always, and on the same day with the same cause, whenever somebody looks.
        assert _at(one, now).cancellation == _at(one, end).cancellation


@given(_offers, _moments, st.sampled_from(ZONES))
def test_a_verdict_holds_until_the_moment_at_which_it_says_that_it_changes(told, now, zone):
    day = date(2025, 3, 9)
    made = [
        offer(number, None if delay is None else day + days(delay), sent_at)
        for number, (delay, sent_at, _) in enumerate(told, start=1)
    ]
    order = facts(day, *(one.lines[0].to_date for one in made), zone=zone, offers=made)
    verdict = _at(order, now)
    if verdict.changes_at is None:
        assert _at(order, now + days(2000)) == verdict
    else:
        assert verdict.changes_at > now
        assert _at(order, verdict.changes_at - timedelta(microseconds=1)) == verdict
        assert _at(order, verdict.changes_at) != verdict
