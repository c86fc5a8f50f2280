"""What was told to a customer and what came back: facts that are only ever added to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum

from order_service.domain.promises.calendar import day_of
from order_service.domain.promises.jurisdictions import Jurisdiction, zone_of

STATUTORY_DAYS = 30
"""Days to ship or to deliver where no time was stated: 16 CFR 435.2(a)(1), 2011/83/EU Art. 18(1), CRA s. 28(3)."""


class Basis(StrEnum):
    """What a recorded date rests on."""

    QUOTED = "quoted"
    """The merchant stated it when the order was taken."""
    STATUTORY = "statutory"
    """Nobody stated a date: 30 days after the order was complete."""
    PROMISED = "promised"
    """Allocation named it."""


@dataclass(frozen=True, slots=True)
class PromiseRecord:
    """A date that was told for a line; ``date`` None: that no date can be named.

    ``revision`` counts the records of the line without gaps, the first is 1. ``promise_revision`` is allocation's own
    count, None for a date that allocation did not name. ``date`` is a day of ``time_zone``.
    """

    line_id: str
    revision: int
    basis: Basis
    date: date | None
    time_zone: str
    stated_at: datetime
    cause: str
    promise_revision: int | None = None
    confidence: float | None = None
    table_version: int | None = None


class OfferKind(StrEnum):
    """What an offer asks of the customer."""

    DELAY = "delay"
    """The first delay: 16 CFR 435.2(b)(1)."""
    FURTHER_DELAY = "further_delay"
    """A delay beyond a date that the customer accepted: the renewed option of 16 CFR 435.2(b)(2)."""


class SilenceMeans(StrEnum):
    """What happens if the customer does not answer an offer by ``respond_by``."""

    CONSENT = "consent"
    CANCELLATION = "cancellation"
    NOTHING = "nothing"


class OfferState(StrEnum):
    """Where an offer is. It counts only once it was sent."""

    OFFERED = "offered"
    SENT = "sent"
    CONSENTED = "consented"
    REFUSED = "refused"
    LAPSED = "lapsed"
    SUPERSEDED = "superseded"


class Choice(StrEnum):
    """What the customer wants."""

    WAIT = "wait"
    CANCEL = "cancel"
    GRANT_UNTIL = "grant_until"


@dataclass(frozen=True, slots=True)
class Reply:
    """What the customer answered, judged by when it was received; ``until`` belongs to GRANT_UNTIL.

    ``channel`` is how it came: by the API, or by the page that the link in a notice opens.
    """

    choice: Choice
    received_at: datetime
    until: date | None = None
    channel: str = "api"


@dataclass(frozen=True, slots=True)
class OfferedLine:
    """The delay of one line: from the day that held until now to the new one, None: no date can be named."""

    line_id: str
    from_date: date | None
    to_date: date | None


@dataclass(frozen=True, slots=True)
class Offer:
    """A delay that a customer is told of, and may accept or refuse.

    ``number`` counts the offers of an order. It counts as made when its notice was sent, ``sent_at``; ``notice_by`` is
    the moment after which a notice cures nothing. ``respond_by`` is when silence is taken for an answer, None if never.
    ``superseded``: another took its place, it is not needed any more, or the order's latest acceptable date was amended
    after the customer had accepted it. ``version`` counts its changes, ``state`` is where it was at the last of them;
    ``notification_id`` and ``content_hash`` are those of the notice.
    """

    offer_id: str
    number: int
    kind: OfferKind
    lines: tuple[OfferedLine, ...]
    silence_means: SilenceMeans
    made_at: datetime
    notice_by: datetime | None = None
    respond_by: datetime | None = None
    sent_at: datetime | None = None
    reply: Reply | None = None
    superseded: bool = False
    version: int = 1
    state: OfferState = OfferState.OFFERED
    notification_id: str | None = None
    content_hash: str | None = None

    @property
    def is_open(self) -> bool:
        """Whether it was neither answered nor replaced, nor has lapsed."""
        return self.state in (OfferState.OFFERED, OfferState.SENT)

    @property
    def notice_is_presumed(self) -> bool:
        """Whether it counts as sent only because it was answered: no notice is recorded."""
        return self.sent_at is not None and self.notification_id is None and self.content_hash is None

    @property
    def due_at(self) -> datetime | None:
        """When something about it is due next: its notice, or the customer's reply. None: nothing is."""
        if not self.is_open:
            return None
        return self.notice_by if self.sent_at is None and self.notice_by is not None else self.respond_by

    def state_at(self, now: datetime) -> OfferState:
        """Where it is ``now``. A reply counts more than that another offer took its place."""
        if self.reply is not None:
            return OfferState.REFUSED if self.reply.choice is Choice.CANCEL else OfferState.CONSENTED
        if self.superseded:
            return OfferState.SUPERSEDED
        if self.respond_by is not None and now >= self.respond_by:
            return OfferState.LAPSED
        return OfferState.OFFERED if self.sent_at is None else OfferState.SENT

    def line(self, line_id: str) -> OfferedLine | None:
        """What it says of a line; None if nothing."""
        return next((one for one in self.lines if one.line_id == line_id), None)


@dataclass(frozen=True, slots=True)
class LineFacts:
    """A line as the law sees it: ``open`` units are to be shipped yet; ``waiting`` is whether some have a promise now,
    because they wait for stock or for their release.

    ``records`` by their revision, oldest first.
    """

    line_id: str
    open: int
    waiting: bool
    records: tuple[PromiseRecord, ...] = ()


@dataclass(frozen=True, slots=True)
class OrderFacts:
    """An order as the law sees it: its terms, its lines with what was told of them, and the offers, by their number.

    ``completed_at`` is when the order was complete, which takes a valid payment.
    """

    order_id: str
    jurisdiction: Jurisdiction | None
    time_zone: str | None
    completed_at: datetime
    lines: tuple[LineFacts, ...]
    offers: tuple[Offer, ...] = ()
    time_essential: bool = False
    latest_acceptable_date: date | None = None
    anything_shipped: bool = field(default=False)

    @property
    def zone(self) -> str:
        """The time zone in which its days end."""
        return zone_of(self.jurisdiction, self.time_zone)

    def offers_of(self, line_id: str) -> Sequence[Offer]:
        """The offers that speak of a line, by their number."""
        return sorted((one for one in self.offers if one.line(line_id)), key=lambda offer: offer.number)


def statutory_day(completed_at: datetime, zone: str) -> date:
    """The day by which an order must be shipped or delivered if nobody stated another one.

    16 CFR 435.2(a)(1)(ii): thirty days after receipt of a properly completed order; 2011/83/EU Art. 18(1) and CRA
    s. 28(3)(b): not later than 30 days after the contract was concluded.
    """
    return day_of(completed_at, zone) + timedelta(days=STATUTORY_DAYS)


def applicable_day(records: Sequence[PromiseRecord]) -> date | None:
    """T, the day that a delay is measured from: the newest date that was quoted or follows from the law, else the
    first that allocation named. None without any.

    A quoted or statutory date is recorded again only where the order was complete later than it had seemed, because
    its payment was dishonoured: that restarts the time (16 CFR 435.1(c)).
    """
    stated = [one.date for one in records if one.basis is not Basis.PROMISED and one.date is not None]
    if stated:
        return stated[-1]
    return next((one.date for one in records if one.date is not None), None)
