"""The law of late orders as one pure function: what was told, answered and shipped, and the moment → verdict.

Which rule says what is in the functions of `us_rule`, `eu_rule` and `latest_date`. The law knows days, and moments only
as the ends of days and as when something was sent or received; so the verdict does not depend on when anybody looked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime

from order_service.domain.promises import eu_rule, us_rule
from order_service.domain.promises.calendar import day_of, end_of_day
from order_service.domain.promises.jurisdictions import Jurisdiction
from order_service.domain.promises.latest_date import LatestDate, lapse, latest_date_after
from order_service.domain.promises.records import (
    Choice,
    LineFacts,
    Offer,
    OfferedLine,
    OfferKind,
    OrderFacts,
    SilenceMeans,
    applicable_day,
)
from order_service.domain.promises.refunds import RefundTerms, refund_due_by
from order_service.domain.promises.verdict import (
    Cancellation,
    CancellationCause,
    LineVerdict,
    OfferNeed,
    OrderVerdict,
    Tender,
    VerdictState,
)


def judge(
    order: OrderFacts, now: datetime, *, tender: Tender = Tender.ORIGINAL, refunds: RefundTerms | None = None
) -> OrderVerdict:
    """What the law says of an order ``now``.

    ``tender`` and ``refunds`` set by when a refund is due. It goes back the way the payment came, never as store credit
    (16 CFR 435.1(d); Art. 13(1)), and with the fees where nothing of the order was shipped.
    """
    lines = tuple(judge_line(order, line, now) for line in order.lines)
    days = [line.cancellation.vested_on for line in lines if line.cancellation is not None]
    if not days:
        return OrderVerdict(lines)
    left = any(line.state not in (VerdictState.CANCELLED, VerdictState.CLOSED) for line in lines)
    due = refund_due_by(order.jurisdiction, min(days), order.zone, tender=tender, terms=refunds)
    return OrderVerdict(lines, due, refunds_fees=not left and not order.anything_shipped, tender=tender)


def judge_line(order: OrderFacts, line: LineFacts, now: datetime) -> LineVerdict:
    """What the law says of one line ``now``."""
    if line.open <= 0:
        return LineVerdict(line.line_id, VerdictState.CLOSED)
    offers = [(one, said) for one in order.offers_of(line.line_id) if (said := one.line(line.line_id)) is not None]
    refused = _refused_on(offers, order.zone)
    if refused is not None:
        return _cancelled(line, CancellationCause.CUSTOMER, refused)
    latest = latest_date_after(order.latest_acceptable_date, offers, order.zone)
    by_law = _by_law(order, line, offers, now)
    if by_law.state is VerdictState.CANCELLED and not _lapsed_before(latest, by_law, now, order.zone):
        return by_law
    return _within_latest_date(order, line, offers, verdict=by_law, latest=latest, now=now)


def _refused_on(offers: Sequence[tuple[Offer, OfferedLine]], zone: str) -> date | None:
    """The day on which the customer cancelled by a reply: 16 CFR 435.2(c)(1)."""
    replies = [offer.reply for offer, _ in offers if offer.reply is not None and offer.reply.choice is Choice.CANCEL]
    return min((day_of(reply.received_at, zone) for reply in replies), default=None)


def _by_law(
    order: OrderFacts, line: LineFacts, offers: Sequence[tuple[Offer, OfferedLine]], now: datetime
) -> LineVerdict:
    applicable = applicable_day(line.records)
    if order.jurisdiction is None or applicable is None:
        return LineVerdict(line.line_id, VerdictState.ON_TIME)
    if order.jurisdiction is Jurisdiction.US:
        return _by_us_rule(order, line, applicable, offers, now)
    return _by_eu_rule(order, line, applicable, offers, now)


def _by_us_rule(
    order: OrderFacts, line: LineFacts, applicable: date, offers: Sequence[tuple[Offer, OfferedLine]], now: datetime
) -> LineVerdict:
    """16 CFR 435.2(b) and (c)."""
    held = us_rule.holding_after(applicable, offers, order.zone)
    if held.limit is None:
        return LineVerdict(line.line_id, held.state)
    ends_at = end_of_day(held.limit, order.zone)
    if now >= ends_at:
        return _cancelled(line, held.cause, held.limit)
    verdict = LineVerdict(line.line_id, held.state, held.limit, ends_at)
    terms = us_rule.offer_terms(held, told_day(line), order.zone) if _is_late(line) else None
    if terms is None:
        return verdict
    if (told := _telling(line, offers)) is not None:
        return verdict if told.sent_at is not None else replace(verdict, state=VerdictState.NOTICE_DUE)
    need = OfferNeed(
        line.line_id, terms.kind, held.limit, told_day(line), terms.silence_means, terms.respond_by, terms.notice_by
    )
    return replace(verdict, need=need, state=VerdictState.NOTICE_DUE)


def _by_eu_rule(
    order: OrderFacts, line: LineFacts, applicable: date, offers: Sequence[tuple[Offer, OfferedLine]], now: datetime
) -> LineVerdict:
    """Art. 18 of 2011/83/EU and CRA s. 28."""
    period = eu_rule.period_after(applicable, offers, order.zone)
    state = eu_rule.state_at(now, period, applicable, order.zone, time_essential=order.time_essential)
    ends = [end_of_day(day, order.zone) for day in (applicable, period.until) if day is not None]
    changes_at = min((at for at in ends if at > now), default=None)
    verdict = LineVerdict(line.line_id, state, period.until, changes_at)
    told = told_day(line)
    if not _is_late(line) or (told is not None and told <= applicable) or _telling(line, offers) is not None:
        return verdict
    kind = OfferKind.FURTHER_DELAY if any(offer.sent_at for offer, _ in offers) else OfferKind.DELAY
    need = OfferNeed(line.line_id, kind, period.until, told, SilenceMeans.NOTHING, None, None)
    on_time = state is VerdictState.ON_TIME
    return replace(verdict, need=need, state=VerdictState.NOTICE_DUE if on_time else state)


def _within_latest_date(
    order: OrderFacts,
    line: LineFacts,
    offers: Sequence[tuple[Offer, OfferedLine]],
    *,
    verdict: LineVerdict,
    latest: LatestDate,
    now: datetime,
) -> LineVerdict:
    """The verdict of the law, bound by the order's latest acceptable date."""
    if not _is_late(line) or not latest.is_passed_by(told_day(line)) or latest.day is None:
        return verdict
    if latest.lapses_at is not None and now >= latest.lapses_at:
        return _cancelled(line, CancellationCause.LATEST_DATE_PASSED, day_of(latest.lapses_at, order.zone))
    telling = _telling(line, offers)
    if telling is None or telling.silence_means is not SilenceMeans.CANCELLATION:
        return replace(verdict, need=_need_beyond(order, line, verdict, latest, now), state=VerdictState.NOTICE_DUE)
    changes_at = min(at for at in (verdict.changes_at, latest.lapses_at) if at is not None)
    return replace(verdict, state=VerdictState.AWAITING_REPLY, changes_at=changes_at)


def _need_beyond(
    order: OrderFacts, line: LineFacts, verdict: LineVerdict, latest: LatestDate, now: datetime
) -> OfferNeed:
    """The offer to go beyond the latest date: silence cancels, at the latest when it does by the law."""
    assert latest.day is not None  # noqa: S101 - it is passed
    lapses_at = latest.lapses_at or lapse(latest.day, now, order.zone)
    need = verdict.need
    if need is None:
        told = told_day(line)
        return OfferNeed(line.line_id, OfferKind.DELAY, latest.day, told, SilenceMeans.CANCELLATION, lapses_at, None)
    by_law = need.respond_by if need.silence_means is SilenceMeans.CANCELLATION else None
    respond_by = min(by_law, lapses_at) if by_law is not None else lapses_at
    return replace(need, silence_means=SilenceMeans.CANCELLATION, respond_by=respond_by)


def told_day(line: LineFacts) -> date | None:
    """The newest day that was told for a line; None: none can be named."""
    return line.records[-1].date if line.records else None


def _is_late(line: LineFacts) -> bool:
    """Whether a later day may be told of: some units wait for stock, and something was recorded of them."""
    return line.waiting and bool(line.records)


def _telling(line: LineFacts, offers: Sequence[tuple[Offer, OfferedLine]]) -> Offer | None:
    """The newest offer, if it says the newest day already."""
    current = [(offer, said) for offer, said in offers if not offer.superseded]
    return current[-1][0] if current and current[-1][1].to_date == told_day(line) else None


def _lapsed_before(latest: LatestDate, by_law: LineVerdict, now: datetime, zone: str) -> bool:
    """Whether the order's own latest date cancelled the line before the law did."""
    if latest.lapses_at is None or now < latest.lapses_at or by_law.cancellation is None:
        return False
    return latest.lapses_at < end_of_day(by_law.cancellation.vested_on, zone)


def _cancelled(line: LineFacts, cause: CancellationCause, vested_on: date) -> LineVerdict:
    cancellation = Cancellation(cause, vested_on)
    return LineVerdict(line.line_id, VerdictState.CANCELLED, vested_on, cancellation=cancellation)
