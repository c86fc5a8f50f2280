"""The payment of an order: its attempts, and what follows from them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from order_service.domain.payments.attempts import (
    CAPTURING,
    NOT_MADE,
    TAKING,
    Attempt,
    AttemptKind,
    AttemptState,
    HoldEnd,
    Outcome,
)
from order_service.domain.payments.disputes import Dispute, postings_of_dispute
from order_service.domain.payments.errors import ConcessionTooLarge, UnknownAttempt
from order_service.domain.payments.grace import GRACE, retry_after
from order_service.domain.payments.looks import look_after
from order_service.domain.payments.postings import (
    Posting,
    postings_of_failed_refund,
    postings_of_hold_end,
    postings_of_success,
)
from order_service.domain.payments.steady_units import Since, observed, steady_units
from order_service.domain.payments.target import FEES, LineMoney, Target, Units, target_of
from order_service.domain.payments.terms import PaymentTerms


@dataclass(slots=True)
class Payment:
    """How one order is paid. Everything about money follows from ``attempts`` and ``disputes``.

    ``method`` is the provider's name of the customer's card or account. ``charged`` are the units that were paid in
    full, by line; they stay so until they are cancelled. ``conceded`` minor units were given back out of goodwill.
    From the first decline on, ``grace_until`` is when the units that are still not paid are cancelled, and
    ``retry_at`` when the bank is asked again. ``refund_since`` is when money to give back became due.
    """

    payment_id: str
    order_id: str
    provider: str
    terms: PaymentTerms
    method: str
    opened_at: datetime
    version: int = 1
    charged: dict[str, int] = field(default_factory=dict)
    allocated: dict[str, Since] = field(default_factory=dict)
    attempts: list[Attempt] = field(default_factory=list)
    disputes: dict[str, Dispute] = field(default_factory=dict)
    conceded: int = 0
    declines: int = 0
    grace_until: datetime | None = None
    retry_at: datetime | None = None
    refund_since: datetime | None = None

    def attempt(self, attempt_id: str) -> Attempt:
        """The attempt of this id; raises UnknownAttempt."""
        for attempt in self.attempts:
            if attempt.attempt_id == attempt_id:
                return attempt
        raise UnknownAttempt(attempt_id)

    @property
    def open_attempts(self) -> list[Attempt]:
        """Attempts whose money may still move: never more than one."""
        return [attempt for attempt in self.attempts if attempt.open]

    @property
    def charges(self) -> list[Attempt]:
        """Attempts that took money, the oldest first."""
        return [attempt for attempt in self.attempts if attempt.kind in CAPTURING and attempt.succeeded]

    @property
    def first_valid_at(self) -> datetime | None:
        """When a bank first agreed, if it had not been asked in vain before; None: it agreed at once, or never did.

        An order is complete with a valid payment, and a payment that is not honoured does not count (16 CFR 435.1(c)).
        """
        asked = [attempt for attempt in self.attempts if attempt.kind in TAKING and attempt.reason != NOT_MADE]
        agreed = next((attempt for attempt in asked if attempt.succeeded), None)
        return None if agreed is None or agreed is asked[0] else agreed.created_at

    @property
    def captured(self) -> int:
        """All that was ever taken, in minor units."""
        return sum(charge.amount for charge in self.charges)

    @property
    def refunded(self) -> int:
        """All that was given back, in minor units."""
        return sum(refund.amount for refund in self._refunds() if refund.succeeded)

    @property
    def net(self) -> int:
        """What was taken and not given back."""
        return self.captured - self.refunded

    @property
    def disputed(self) -> int:
        """What banks have taken back and not returned."""
        return sum(dispute.taken for dispute in self.disputes.values())

    def held(self, at: datetime) -> int:
        """What can be captured of holds ``at`` this moment, in minor units."""
        return sum(attempt.amount for attempt in self.attempts if attempt.holds_at(at))

    def refundable(self, charge: Attempt) -> int:
        """What is left of a charge to refund: neither refunded, nor on its way, nor disputed."""
        refunds = sum(one.amount for one in self._refunds(charge) if one.succeeded or one.open)
        disputed = sum(one.taken for one in self.disputes.values() if one.of == charge.attempt_id)
        return max(0, charge.amount - refunds - disputed)

    def failures(self, kind: AttemptKind, of: str) -> int:
        """How often the provider refused attempts of this kind about that attempt; those it never got do not count."""
        return sum(
            one.kind is kind and one.of == of and one.state is AttemptState.FAILED and one.reason != NOT_MADE
            for one in self.attempts
        )

    def target(self, lines: Sequence[LineMoney], at: datetime) -> Target:
        """The money that there ought to be ``at`` this moment."""
        steady = {line_id: steady_units(since, at) for line_id, since in self.allocated.items()}
        return target_of(self.terms, lines, self.charged, steady, net=self.net, conceded=self.conceded)

    def secured(self, lines: Sequence[LineMoney], at: datetime) -> dict[str, int]:
        """Units of each line, shipped ones included, for which money was taken or is held: only they may leave."""
        secured = dict(self.charged)
        ending = {attempt.of: attempt.units for attempt in self.open_attempts}
        for hold in (attempt for attempt in self.attempts if attempt.holds_at(at)):
            # A capture that is under way takes its units of the hold and ends the rest of it.
            for line_id, units in ending.get(hold.attempt_id, hold.units).items():
                secured[line_id] = secured.get(line_id, 0) + units
        return {line.line_id: _within(line, secured.get(line.line_id, 0)) for line in lines}

    def observe(self, lines: Sequence[LineMoney], at: datetime) -> Target:
        """Take note of the order as it is ``at`` this moment, and return the target that follows from it."""
        for line in lines:
            self.allocated[line.line_id] = observed(self.allocated.get(line.line_id, ()), line.reached, at)
            self._clamp(line.line_id, line.wanted)
        if not any(line.wanted for line in lines):
            self.charged.pop(FEES, None)
        target = self.target(lines, at)
        if not self.open_attempts and self.net >= target.captured:
            self._charge(target.units)
        self.refund_since = (self.refund_since or at) if self.net > target.captured else None
        return target

    def end_grace(self) -> None:
        """Everything that ought to be paid or held is."""
        self.declines, self.grace_until, self.retry_at = 0, None, None

    def start(self, attempt: Attempt) -> None:
        """Take up a new attempt, which is to be stored before it is sent."""
        self.attempts.append(attempt)
        self.version += 1

    @property
    def left(self) -> int:
        """What was taken and is still the merchant's to give: neither given back, nor on its way, nor disputed."""
        return sum(self.refundable(charge) for charge in self.charges)

    def concede(self, amount: int, target: Target) -> None:
        """Give ``amount`` back out of goodwill. Raises ConcessionTooLarge for more than is left and ought to stay."""
        most = min(self.left, target.captured)
        if amount > most:
            raise ConcessionTooLarge(most)
        self.conceded += amount
        self.version += 1

    def replace_method(self, method: str) -> None:
        """Take another card or account from now on, and ask its bank at once."""
        self.method = method
        self.retry_at = None
        self.version += 1

    def record_dispute(self, dispute: Dispute) -> list[Posting]:
        """Take note of a dispute as the provider reports it now; the entries that follow."""
        before = self.disputes.get(dispute.dispute_id)
        if before == dispute:
            return []
        self.disputes[dispute.dispute_id] = dispute
        self.version += 1
        return postings_of_dispute(before, dispute)

    def record(self, attempt: Attempt, outcome: Outcome, at: datetime) -> list[Posting]:
        """Take note of what the provider says of an attempt now; the entries that follow. Old news change nothing."""
        attempt.reference = outcome.reference or attempt.reference
        attempt.looks += 1
        attempt.look_at = look_after(attempt.looks, outcome.state, at)
        if attempt.stands and outcome.state is AttemptState.CANCELLED:
            return self._end_hold(attempt, HoldEnd.EXPIRED)
        if not _may_become(attempt, outcome.state):
            return []
        self.version += 1
        was_succeeded, attempt.state = attempt.succeeded, outcome.state
        attempt.reason, attempt.action_url = outcome.reason, outcome.action_url
        attempt.ends_at = outcome.ends_at or attempt.ends_at
        if outcome.state is AttemptState.SUCCEEDED:
            return [*postings_of_success(attempt), *self._succeeded(attempt)]
        if was_succeeded:
            return postings_of_failed_refund(attempt)
        return self._not_succeeded(attempt, at)

    def _succeeded(self, attempt: Attempt) -> list[Posting]:
        if attempt.kind in CAPTURING:
            self._charge({key: self.charged.get(key, 0) + units for key, units in attempt.units.items()})
        if attempt.kind in TAKING:
            self.declines, self.retry_at = 0, None
        if attempt.kind in (AttemptKind.CAPTURE, AttemptKind.VOID) and attempt.of is not None:
            end = HoldEnd.CAPTURED if attempt.kind is AttemptKind.CAPTURE else HoldEnd.VOIDED
            return self._end_hold(self.attempt(attempt.of), end)
        return []

    def _not_succeeded(self, attempt: Attempt, at: datetime) -> list[Posting]:
        if attempt.kind in TAKING and attempt.reason != NOT_MADE:
            self._declined(attempt, at)
        elif attempt.state is AttemptState.CANCELLED and attempt.of is not None:
            hold = self.attempt(attempt.of)
            return self._end_hold(hold, HoldEnd.EXPIRED) if hold.stands else []
        return []

    def _declined(self, attempt: Attempt, at: datetime) -> None:
        """A bank declined, or wants the customer: from the first time on there is a grace."""
        if attempt.state is AttemptState.FAILED:
            self.note_decline(at)
        if attempt.state is AttemptState.ACTION_REQUIRED:
            self.grace_until = self.grace_until or at + GRACE

    def note_decline(self, at: datetime) -> None:
        """Money was asked for in vain: it is asked for again later, and within the grace that begins with the first."""
        self.declines += 1
        self.retry_at = retry_after(self.declines, at)
        self.grace_until = self.grace_until or at + GRACE

    def _end_hold(self, hold: Attempt, end: HoldEnd) -> list[Posting]:
        if not hold.stands:
            return []
        hold.hold_end = end
        self.version += 1
        return postings_of_hold_end(hold)

    def _charge(self, units: Units) -> None:
        """These units are paid in full now."""
        for line_id, number in units.items():
            self.charged[line_id] = max(number, self.charged.get(line_id, 0))

    def _clamp(self, line_id: str, wanted: int) -> None:
        if self.charged.get(line_id, 0) > wanted:
            self.charged[line_id] = wanted

    def _refunds(self, charge: Attempt | None = None) -> Iterator[Attempt]:
        for attempt in self.attempts:
            if attempt.kind is AttemptKind.REFUND and (charge is None or attempt.of == charge.attempt_id):
                yield attempt


def _within(line: LineMoney, secured: int) -> int:
    """Units of the line that are wanted and secured; what costs nothing need not be."""
    return line.wanted if line.unit_price == 0 else min(line.wanted, secured)


def _may_become(attempt: Attempt, state: AttemptState) -> bool:
    """Whether the provider's word changes what is known: old news never undo what has ended.

    A refund may come back after it succeeded. A charge or hold that was given up may succeed after all.
    """
    if attempt.open:
        return state is not attempt.state and not (
            state is AttemptState.UNKNOWN and attempt.state is not AttemptState.STORED
        )
    if attempt.kind is AttemptKind.REFUND and attempt.succeeded:
        return state is AttemptState.FAILED
    return attempt.kind in TAKING and not attempt.succeeded and state is AttemptState.SUCCEEDED
