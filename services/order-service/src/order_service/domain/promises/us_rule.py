"""The Mail, Internet, or Telephone Order Merchandise Rule of the United States, 16 CFR 435."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from order_service.domain.promises.calendar import end_of_day
from order_service.domain.promises.records import (
    STATUTORY_DAYS,
    Choice,
    Offer,
    OfferedLine,
    OfferKind,
    Reply,
    SilenceMeans,
)
from order_service.domain.promises.verdict import CancellationCause, VerdictState


@dataclass(frozen=True, slots=True)
class Holding:
    """What holds of a line after some of its offers: the day by which it must ship, and what happens then.

    ``limit`` None: the customer accepted a delay of unknown length, and may cancel at any time (435.2(b)(1)(iii)).
    ``renewed``: an offer was made in time, so that every other is a renewed one.
    """

    limit: date | None
    renewed: bool = False
    state: VerdictState = VerdictState.ON_TIME
    cause: CancellationCause = CancellationCause.NO_NOTICE_IN_TIME


def holding_after(applicable: date, offers: Sequence[tuple[Offer, OfferedLine]], zone: str) -> Holding:
    """Fold the offers of a line, by their number, into what holds after them; ``applicable`` is T.

    An offer counts if it was sent while the day that held before it was not over: an offer no later than the
    applicable time (435.2(b)(1)), a renewed one no later than the expiry of the definite revised date (435.2(b)(2)).
    What is sent later cures nothing.
    """
    held = Holding(applicable)
    for offer, line in offers:
        if offer.sent_at is None or held.limit is None or offer.sent_at >= end_of_day(held.limit, zone):
            continue
        held = _after_renewed(held, offer, line, zone) if held.renewed else _after_first(held, offer, line, zone)
    return held


def _after_first(held: Holding, offer: Offer, line: OfferedLine, zone: str) -> Holding:
    """435.2(b)(1)(ii): a delay of 30 days or less is accepted by silence, until the revised day. (iii): a longer one,
    or one of unknown length, only by a reply that is received within 30 days of T; without it, the line is cancelled
    at their end unless it was shipped.
    """
    assert held.limit is not None  # noqa: S101 - a first offer follows T
    horizon = held.limit + timedelta(days=STATUTORY_DAYS)
    short = line.to_date is not None and line.to_date <= horizon
    silent = line.to_date if short else horizon
    assert silent is not None  # noqa: S101
    accepted = _consent(offer.reply, line.to_date, end_of_day(silent, zone))
    if accepted is not None:
        return _consented(replace(held, renewed=True), accepted)
    if short:
        return _consented(replace(held, renewed=True), _Accepted(silent))
    return Holding(silent, True, VerdictState.AWAITING_REPLY, CancellationCause.DELAY_NOT_ACCEPTED)


def _after_renewed(held: Holding, offer: Offer, line: OfferedLine, zone: str) -> Holding:
    """435.2(b)(2)(ii): a further delay is accepted only by a reply that is received before the old day expires."""
    assert held.limit is not None  # noqa: S101
    accepted = _consent(offer.reply, line.to_date, end_of_day(held.limit, zone))
    if accepted is not None:
        return _consented(held, accepted)
    return replace(held, state=VerdictState.AWAITING_REPLY)


@dataclass(frozen=True, slots=True)
class _Accepted:
    """The day until which a delay was accepted; None: however long it takes."""

    until: date | None


def _consented(held: Holding, accepted: _Accepted) -> Holding:
    """An express consent to a specific date supersedes the revised one: 435.2(b)(2), proviso."""
    cause = CancellationCause.FURTHER_DELAY_NOT_ACCEPTED
    until = accepted.until
    limit = until if until is None or held.limit is None else max(until, held.limit)
    return replace(held, limit=limit, state=VerdictState.CONSENTED, cause=cause)


def _consent(reply: Reply | None, offered: date | None, before: datetime) -> _Accepted | None:
    """What a reply accepts that was received in time; None: nothing."""
    if reply is None or reply.choice is Choice.CANCEL or reply.received_at >= before:
        return None
    return _Accepted(reply.until if reply.choice is Choice.GRANT_UNTIL else offered)


@dataclass(frozen=True, slots=True)
class OfferTerms:
    """What an offer of a delay to some day has to say."""

    kind: OfferKind
    silence_means: SilenceMeans
    respond_by: datetime
    notice_by: datetime


def offer_terms(held: Holding, to_date: date | None, zone: str) -> OfferTerms | None:
    """The offer that a delay to this day (None: unknown) calls for; None if the day that holds is not passed by it."""
    if held.limit is None or (to_date is not None and to_date <= held.limit):
        return None
    notice_by = end_of_day(held.limit, zone)
    if held.renewed:
        return OfferTerms(OfferKind.FURTHER_DELAY, SilenceMeans.CANCELLATION, notice_by, notice_by)
    horizon = held.limit + timedelta(days=STATUTORY_DAYS)
    if to_date is not None and to_date <= horizon:
        return OfferTerms(OfferKind.DELAY, SilenceMeans.CONSENT, end_of_day(to_date, zone), notice_by)
    return OfferTerms(OfferKind.DELAY, SilenceMeans.CANCELLATION, end_of_day(horizon, zone), notice_by)
