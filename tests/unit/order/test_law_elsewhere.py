"""Article 18 of 2011/83/EU, section 28 of the CRA, an order's own latest date, refunds, and days in time zones."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.order.legal_cases import (
    DAYS_OF_CHANGED_CLOCKS,
    ZONES,
    before,
    cancel,
    days,
    facts,
    grant,
    offer,
    record,
    wait,
)

from order_service.domain.lines import PromisedDate
from order_service.domain.promises.calendar import add_working_days, day_of, end_of_day
from order_service.domain.promises.jurisdictions import Jurisdiction, jurisdiction_named, zone_of
from order_service.domain.promises.latest_date import TIME_TO_REPLY
from order_service.domain.promises.law import judge_line
from order_service.domain.promises.recording import binding_day
from order_service.domain.promises.records import Basis, OrderFacts, SilenceMeans, applicable_day, statutory_day
from order_service.domain.promises.refunds import RefundTerms, manual_refund_due_by, refund_due_by
from order_service.domain.promises.verdict import Cancellation, CancellationCause, LineVerdict, Tender, VerdictState

DAY, ZONE = date(2025, 3, 30), "Europe/Berlin"
in_europe = pytest.mark.parametrize("law", [Jurisdiction.EU, Jurisdiction.UK])


def _at(order: OrderFacts, now: datetime) -> LineVerdict:
    return judge_line(order, order.lines[0], now)


@in_europe
def test_in_europe_silence_changes_nothing(law):
    told = offer(1, DAY + days(60), before(DAY, ZONE), silence=SilenceMeans.NOTHING)
    order = facts(DAY, DAY + days(60), zone=ZONE, jurisdiction=law, offers=[told])
    assert _at(order, before(DAY, ZONE)).state is VerdictState.ON_TIME
    assert _at(order, end_of_day(DAY, ZONE)).state is VerdictState.OVERDUE
    assert _at(order, end_of_day(DAY + days(3000), ZONE)).state is VerdictState.OVERDUE


@in_europe
def test_the_customer_may_end_the_contract_after_the_period_that_they_set(law):
    until = DAY + days(14)
    told = offer(1, None, before(DAY, ZONE), grant(end_of_day(DAY, ZONE), until))
    order = facts(DAY, None, zone=ZONE, jurisdiction=law, offers=[told])
    assert _at(order, before(until, ZONE)).state is VerdictState.CONSENTED
    assert _at(order, end_of_day(until, ZONE)).state is VerdictState.MAY_END


@in_europe
def test_where_time_is_essential_they_may_end_it_at_once(law):
    order = facts(DAY, zone=ZONE, jurisdiction=law, essential=True)
    assert _at(order, before(DAY, ZONE)).state is VerdictState.ON_TIME
    assert _at(order, end_of_day(DAY, ZONE)).state is VerdictState.MAY_END


@in_europe
def test_a_delay_is_told_and_a_cancellation_counts(law):
    need = _at(facts(DAY, DAY + days(1), zone=ZONE, jurisdiction=law), before(DAY, ZONE)).need
    assert need is not None
    assert (need.silence_means, need.respond_by) == (SilenceMeans.NOTHING, None)
    ended = offer(1, DAY + days(1), before(DAY, ZONE), cancel(before(DAY, ZONE)))
    verdict = _at(facts(DAY, DAY + days(1), zone=ZONE, jurisdiction=law, offers=[ended]), before(DAY, ZONE))
    assert verdict.cancellation == Cancellation(CancellationCause.CUSTOMER, DAY)


@pytest.mark.parametrize("law", [None, *Jurisdiction])
def test_silence_about_a_day_past_the_latest_acceptable_one_cancels_under_every_law(law):
    latest = DAY + days(5)
    sent = before(DAY, ZONE)
    need = _at(facts(DAY, latest + days(1), zone=ZONE, jurisdiction=law, latest=latest), sent).need
    assert need is not None
    assert (need.silence_means, need.respond_by) == (SilenceMeans.CANCELLATION, end_of_day(latest, ZONE))
    silent = offer(1, latest + days(1), sent)
    order = facts(DAY, latest + days(1), zone=ZONE, jurisdiction=law, latest=latest, offers=[silent])
    assert _at(order, before(latest, ZONE)).state is VerdictState.AWAITING_REPLY
    assert _at(order, end_of_day(latest, ZONE)).cancellation is not None
    accepted = offer(1, latest + days(1), sent, wait(sent))
    order = facts(DAY, latest + days(1), zone=ZONE, jurisdiction=law, latest=latest, offers=[accepted])
    assert _at(order, end_of_day(latest, ZONE)).state is not VerdictState.CANCELLED


def test_a_day_past_the_latest_one_that_is_over_leaves_time_to_reply():
    latest = DAY - days(1)
    made = before(DAY, ZONE)
    told = offer(1, DAY + days(9), None, made_at=made)
    order = facts(DAY, DAY + days(9), zone=ZONE, jurisdiction=None, latest=latest, offers=[told])
    assert _at(order, made + TIME_TO_REPLY - timedelta(seconds=1)).state is not VerdictState.CANCELLED
    assert _at(order, made + TIME_TO_REPLY).state is VerdictState.CANCELLED


def test_no_law_and_no_latest_date_ask_for_nothing():
    verdict = _at(facts(DAY, DAY + days(90), zone=ZONE, jurisdiction=None), end_of_day(DAY + days(900), ZONE))
    assert (verdict.state, verdict.need, verdict.changes_at) == (VerdictState.ON_TIME, None, None)


def test_t_is_the_quoted_day_else_the_first_one_told_else_thirty_days():
    assert applicable_day([record(1, DAY, Basis.QUOTED), record(2, DAY + days(3))]) == DAY
    assert applicable_day([record(1, DAY), record(2, DAY + days(3))]) == DAY
    assert applicable_day([record(1, DAY, Basis.STATUTORY), record(2, DAY - days(3))]) == DAY
    restarted = [record(1, DAY, Basis.STATUTORY), record(2, DAY), record(3, DAY + days(8), Basis.STATUTORY)]
    assert applicable_day(restarted) == DAY + days(8)
    assert statutory_day(datetime(2025, 3, 1, 3, tzinfo=UTC), "America/New_York") == date(2025, 3, 30)


def test_the_law_of_the_us_goes_by_the_day_that_units_leave_and_that_of_europe_by_when_they_arrive():
    bare = PromisedDate(DAY, 1, "OrderPlaced")
    full = PromisedDate(DAY, 1, "OrderPlaced", ship_by=DAY + days(2), deliver_by=DAY + days(5))
    assert [binding_day(full, law) for law in (None, Jurisdiction.US, Jurisdiction.EU, Jurisdiction.UK)] == [
        DAY, DAY + days(2), DAY + days(5), DAY + days(5),
    ]  # fmt: skip
    assert {binding_day(bare, law) for law in (None, *Jurisdiction)} == {DAY}
    assert binding_day(PromisedDate(None, 2, "InboundCancelled"), Jurisdiction.US) is None


def test_refunds_are_due_by_the_law_of_the_order_and_how_it_was_paid():
    monday = date(2025, 6, 2)

    def due(law: Jurisdiction | None, tender: Tender = Tender.ORIGINAL, terms: RefundTerms | None = None) -> date:
        moment = refund_due_by(law, monday, ZONE, tender=tender, terms=terms)
        return day_of(moment - timedelta(microseconds=1), ZONE)

    assert due(Jurisdiction.US) == date(2025, 6, 11)
    assert due(Jurisdiction.US, Tender.SELLER_CREDIT) == monday + days(28)
    assert due(Jurisdiction.EU) == due(Jurisdiction.UK) == due(None) == monday + days(14)
    assert due(Jurisdiction.EU, terms=RefundTerms(days=7)) == monday + days(7)
    assert due(Jurisdiction.EU, Tender.MANUAL) == due(Jurisdiction.US, Tender.MANUAL) == date(2025, 6, 11)
    assert manual_refund_due_by(datetime(2025, 6, 2, 12, tzinfo=UTC), ZONE) == end_of_day(date(2025, 6, 11), ZONE)


@given(st.dates(date(2000, 1, 1), date(2100, 1, 1)), st.integers(1, 60))
def test_between_a_day_and_so_many_working_days_later_lie_so_many_working_days(day, number):
    found = add_working_days(day, number)
    between = [day + days(n) for n in range(1, (found - day).days + 1)]
    assert sum(one.weekday() < 5 for one in between) == number
    assert found.weekday() < 5


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("day", DAYS_OF_CHANGED_CLOCKS, ids=str)
def test_a_day_ends_once_and_the_next_one_begins_there(zone, day):
    end = end_of_day(day, zone)
    assert day_of(end, zone) > day >= day_of(end - timedelta(microseconds=1), zone)
    assert end_of_day(day + days(1), zone) >= end


@given(st.dates(date(1990, 1, 1), date(2037, 1, 1)), st.sampled_from(ZONES))
def test_an_end_of_a_day_is_where_the_date_of_the_zone_changes(day, zone):
    end = end_of_day(day, zone)
    assert end.astimezone(ZoneInfo(zone)).date() > day
    assert day_of(end - timedelta(microseconds=1), zone) <= day


def test_names_of_jurisdictions_are_known_or_not():
    assert jurisdiction_named("UK") is Jurisdiction.UK
    assert jurisdiction_named("DE") is None is jurisdiction_named(None)
    assert zone_of(Jurisdiction.US, None) == "America/New_York"
    assert zone_of(None, None) == "UTC"
    assert zone_of(Jurisdiction.US, "America/Denver") == "America/Denver"
