"""What the law says of an order at a moment."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from order_service.domain.promises.records import OfferKind, SilenceMeans


class VerdictState(StrEnum):
    """How the law sees the open units of a line."""

    CLOSED = "closed"
    """Nothing is open."""
    ON_TIME = "on_time"
    """Its day has not passed, and no later one was named."""
    NOTICE_DUE = "notice_due"
    """A delay is known, and the customer has not been sent the offer to accept or refuse it."""
    AWAITING_REPLY = "awaiting_reply"
    """The customer has been sent an offer, and silence cancels."""
    CONSENTED = "consented"
    """The customer accepted the delay, by words or by silence."""
    OVERDUE = "overdue"
    """Its day has passed; nothing happens by itself, and the customer may set an additional period."""
    MAY_END = "may_end"
    """The customer may end the contract for these units."""
    CANCELLED = "cancelled"
    """The law deems them cancelled."""


class CancellationCause(StrEnum):
    """Why units are cancelled, and with it where the right to a refund comes from."""

    CUSTOMER = "customer_cancelled"
    """The customer said so: 16 CFR 435.2(c)(1); 2011/83/EU Art. 13(1) and 18(3); CRA s. 28(9)."""
    NO_NOTICE_IN_TIME = "no_notice_in_time"
    """No offer was sent by the day that held: 16 CFR 435.2(c)(5)."""
    DELAY_NOT_ACCEPTED = "delay_not_accepted"
    """A first delay of more than 30 days, or of unknown length, was not accepted in 30 days: 16 CFR 435.2(c)(2)."""
    FURTHER_DELAY_NOT_ACCEPTED = "further_delay_not_accepted"
    """The day that the customer had accepted passed, and no further delay was accepted: 16 CFR 435.2(c)(3)."""
    LATEST_DATE_PASSED = "latest_date_passed"
    """The order's own latest acceptable date passed, and no later date was accepted."""
    MERCHANT = "merchant_cancelled"
    """The merchant decided not to ship: 16 CFR 435.2(c)(4)."""


@dataclass(frozen=True, slots=True)
class Cancellation:
    """Units of a line that are cancelled from the law's point of view: the right to a refund vests ``vested_on``."""

    cause: CancellationCause
    vested_on: date


@dataclass(frozen=True, slots=True)
class OfferNeed:
    """An offer that has to be made for a line. ``notice_by``: sent later, it cures nothing; None: no such moment."""

    line_id: str
    kind: OfferKind
    from_date: date | None
    to_date: date | None
    silence_means: SilenceMeans
    respond_by: datetime | None
    notice_by: datetime | None


@dataclass(frozen=True, slots=True)
class LineVerdict:
    """What the law says of one line.

    ``limit`` is the day that holds, None: none does. ``changes_at`` is when the verdict next changes although nothing
    is told; None: never. ``need`` is the offer that has to be made. ``cancellation`` belongs to CANCELLED.
    """

    line_id: str
    state: VerdictState
    limit: date | None = None
    changes_at: datetime | None = None
    need: OfferNeed | None = None
    cancellation: Cancellation | None = None


class Tender(StrEnum):
    """How the customer paid, as far as a refund's deadline depends on it."""

    ORIGINAL = "original"
    """Anything that is not credit of the seller; the refund goes back the same way, never as store credit."""
    SELLER_CREDIT = "seller_credit"
    """The seller is the creditor; the charge is taken off the account: 16 CFR 435.1(d)(2)(i)."""
    MANUAL = "manual"
    """The same way is impossible: cash, cheque or money order, counted from when that was found out."""


@dataclass(frozen=True, slots=True)
class OrderVerdict:
    """What the law says of an order. ``refund_due_by`` and ``refunds_fees`` belong to ``cancelled``.

    ``cancelled`` are the lines whose open units are to be cancelled. ``refunds_fees``: nothing of the order was shipped
    and nothing is left, so that fees go back too.
    """

    lines: tuple[LineVerdict, ...]
    refund_due_by: datetime | None = None
    refunds_fees: bool = False
    tender: Tender = field(default=Tender.ORIGINAL)

    @property
    def cancelled(self) -> dict[str, Cancellation]:
        """The lines that are cancelled, by id."""
        return {line.line_id: line.cancellation for line in self.lines if line.cancellation is not None}

    @property
    def needs(self) -> tuple[OfferNeed, ...]:
        """The offers that have to be made."""
        return tuple(line.need for line in self.lines if line.need is not None)

    @property
    def changes_at(self) -> datetime | None:
        """When the verdict next changes although nothing is told; None: never."""
        return min((line.changes_at for line in self.lines if line.changes_at is not None), default=None)
