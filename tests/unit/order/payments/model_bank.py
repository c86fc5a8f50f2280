"""A provider with a customer's bank behind it, for the payment model: keys, cards, holds, refunds, events."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from order_service.domain.payments.attempts import Attempt, AttemptKind, AttemptState, Outcome

HOLD_LIFE = timedelta(days=4, hours=18)
KEY_LIFE = timedelta(hours=24)

_S = AttemptState


@dataclass
class Intent:
    """A charge or a hold at the provider."""

    reference: str
    attempt_id: str
    is_hold: bool
    amount: int
    status: str  # pending, action, succeeded, held, failed, cancelled
    ends_at: datetime | None = None
    captured: int = 0


@dataclass
class BankRefund:
    """A refund at the provider."""

    reference: str
    attempt_id: str
    intent: str
    amount: int
    status: str  # pending, succeeded, failed


@dataclass
class Bank:
    """The truth about the money. ``wrongs`` are things that a correct client never asks for."""

    now: datetime
    card: str = "ok"
    refunds_are: str = "ok"
    intents: dict[str, Intent] = field(default_factory=dict)
    refunds: dict[str, BankRefund] = field(default_factory=dict)
    keys: dict[str, tuple[datetime, str, str]] = field(default_factory=dict)
    events: list[tuple[str, Outcome]] = field(default_factory=list)
    wrongs: list[str] = field(default_factory=list)
    made: int = 0

    @property
    def captured(self) -> int:
        return sum(one.captured for one in self.intents.values())

    @property
    def refunded(self) -> int:
        """Given back, or on its way."""
        return sum(one.amount for one in self.refunds.values() if one.status != "failed")

    @property
    def net(self) -> int:
        return self.captured - self.refunded

    def holds(self) -> list[Intent]:
        return [one for one in self.intents.values() if one.status == "held"]

    @property
    def held(self) -> int:
        return sum(one.amount for one in self.holds())

    def advance(self, now: datetime) -> None:
        """Holds that nobody captured end by themselves."""
        self.now = now
        for intent in self.holds():
            if intent.ends_at is not None and intent.ends_at <= now:
                self._set(intent, "cancelled")

    def submit(self, attempt: Attempt, of: str | None, key: str) -> Outcome:
        """Carry out a request, or repeat the response of the first one under the same key."""
        known = self.keys.get(key)
        if known is not None and self.now - known[0] < KEY_LIFE:
            return self._outcome(attempt.kind, known[2])
        self.made += 1
        reference = self._carry_out(attempt, of)
        self.keys[key] = (self.now, attempt.attempt_id, reference)
        return self._outcome(attempt.kind, reference)

    def find(self, attempt: Attempt) -> Outcome | None:
        """What became of an attempt, by the id that was sent along; None: it never came."""
        for _, attempt_id, reference in self.keys.values():
            if attempt_id == attempt.attempt_id:
                return self._outcome(attempt.kind, reference)
        return None

    def fetch(self, attempt: Attempt) -> Outcome:
        """How an attempt stands now."""
        return self.find(attempt) or Outcome(_S.UNKNOWN)

    def abandon(self, attempt: Attempt) -> Outcome:
        """Give up an intent that waits for the customer; what has succeeded stays."""
        intent = self.intents[self.keys[attempt.attempt_id][2]]
        if intent.status == "action":
            self._set(intent, "cancelled")
        return self._outcome(attempt.kind, intent.reference)

    def waiting_for_customer(self) -> list[Intent]:
        return [one for one in self.intents.values() if one.status == "action"]

    def pending(self) -> list[Intent | BankRefund]:
        everything: list[Intent | BankRefund] = [*self.intents.values(), *self.refunds.values()]
        return [one for one in everything if one.status == "pending"]

    def authenticate(self, intent: Intent, *, well: bool) -> None:
        """The customer tries to authenticate. After a failure they may try again: only an event tells of it."""
        if well:
            self._take(intent)
        else:
            self.events.append((intent.attempt_id, Outcome(_S.FAILED, intent.reference, "authentication_failed")))

    def finish(self, one: Intent | BankRefund, *, well: bool) -> None:
        """What was pending ends."""
        if isinstance(one, Intent) and well:
            self._take(one)
        else:
            self._set(one, "succeeded" if well else "failed")

    def _carry_out(self, attempt: Attempt, of: str | None) -> str:
        reference = f"p{self.made}"
        if attempt.kind in (AttemptKind.CHARGE, AttemptKind.HOLD):
            is_hold = attempt.kind is AttemptKind.HOLD
            intent = Intent(reference, attempt.attempt_id, is_hold, attempt.amount, "new")
            self.intents[reference] = intent
            if self.card == "ok":
                self._take(intent)
            else:
                self._set(intent, {"declined": "failed", "sca": "action", "slow": "pending"}[self.card])
            return reference
        assert of is not None
        if attempt.kind is AttemptKind.REFUND:
            return self._refund(reference, attempt, self.intents[of])
        intent = self.intents[of]
        if intent.status == "held" and attempt.kind is AttemptKind.VOID:
            self._set(intent, "cancelled")
        elif intent.status == "held" and attempt.amount <= intent.amount:
            intent.captured = attempt.amount
            self._set(intent, "succeeded")
        elif attempt.kind is AttemptKind.CAPTURE:
            if intent.captured or attempt.amount > intent.amount:
                self.wrongs.append(f"a second or too large capture of {intent}")
            return f"refused:{of}"
        return of

    def _refund(self, reference: str, attempt: Attempt, intent: Intent) -> str:
        of_it = [one for one in self.refunds.values() if one.intent == intent.reference and one.status != "failed"]
        given = sum(one.amount for one in of_it)
        refund = BankRefund(reference, attempt.attempt_id, intent.reference, attempt.amount, "new")
        self.refunds[reference] = refund
        if given + attempt.amount > intent.captured:
            self.wrongs.append(f"a refund of {attempt.amount} of {intent.captured - given} left")
            self._set(refund, "failed")
        else:
            self._set(refund, {"ok": "succeeded", "slow": "pending", "fail": "failed"}[self.refunds_are])
        return reference

    def _take(self, intent: Intent) -> None:
        if intent.is_hold:
            intent.ends_at = self.now + HOLD_LIFE
            self._set(intent, "held")
        else:
            intent.captured = intent.amount
            self._set(intent, "succeeded")

    def _set(self, one: Intent | BankRefund, status: str) -> None:
        one.status = status
        kind = AttemptKind.REFUND if isinstance(one, BankRefund) else AttemptKind.CHARGE
        if isinstance(one, Intent) and one.is_hold:
            kind = AttemptKind.HOLD
        self.events.append((one.attempt_id, self._outcome(kind, one.reference)))

    def _outcome(self, kind: AttemptKind, reference: str) -> Outcome:
        if reference.startswith("refused:"):
            lost = self.intents[reference.removeprefix("refused:")].status == "cancelled"
            return Outcome(_S.CANCELLED if lost else _S.FAILED, reference, "refused")
        if kind is AttemptKind.REFUND:
            refund = self.refunds[reference]
            return Outcome(
                {"pending": _S.PENDING, "succeeded": _S.SUCCEEDED, "failed": _S.FAILED, "new": _S.PENDING}[
                    refund.status
                ],
                reference,
            )
        intent = self.intents[reference]
        state = {
            "new": _S.PENDING,
            "pending": _S.PENDING,
            "action": _S.ACTION_REQUIRED,
            "failed": _S.FAILED,
            "cancelled": _S.CANCELLED,
            "held": _S.SUCCEEDED,
            "succeeded": _S.SUCCEEDED,
        }[intent.status]
        if kind is AttemptKind.VOID:
            state = _S.SUCCEEDED if intent.status == "cancelled" else _S.CANCELLED
        return Outcome(state, reference, ends_at=intent.ends_at)
