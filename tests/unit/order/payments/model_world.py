"""A shop, its customer, allocation and a bank around one payment: what the payment model plays."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from tests.unit.order.payments.model_bank import Bank, BankRefund

from order_service.domain.payments import next_step as steps
from order_service.domain.payments.attempts import CAPTURING, NOT_MADE, Attempt, AttemptKind, AttemptState, Outcome
from order_service.domain.payments.payment import Payment
from order_service.domain.payments.postings import Account, Posting
from order_service.domain.payments.refunds import charge_to_refund
from order_service.domain.payments.target import LineMoney
from order_service.domain.payments.terms import ChargeAt, Fee, PaymentTerms

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
FATES = ("lost_request", "lost_response", "crash_before_call", "crash_after_call")


class Broken(AssertionError):
    """Something that must hold about money does not."""


@dataclass
class ModelLine:
    """A line of the order."""

    price: int
    quantity: int
    cancelled: int = 0
    forfeited: int = 0
    shipped: int = 0
    allocated: int = 0
    most: int = 0

    def __post_init__(self) -> None:
        self.most = self.price

    @property
    def wanted(self) -> int:
        return self.quantity - self.cancelled

    @property
    def waiting(self) -> int:
        return self.wanted - self.shipped - self.allocated

    def cancel(self, units: int) -> None:
        """Units that wait go first."""
        self.cancelled += units
        self.allocated -= max(0, -self.waiting)


@dataclass(frozen=True)
class Keeping:
    """Which duties the worker keeps; taken away one by one, each must be missed."""

    stores_first: bool = True
    key_is_the_id: bool = True
    fetches: bool = True
    polls: bool = True
    looks_up: bool = True
    ships_paid_only: bool = True


@dataclass
class World:
    """One order and everything around it. ``check`` and most moves raise Broken."""

    rng: random.Random
    terms: PaymentTerms
    lines: dict[str, ModelLine]
    keeping: Keeping = Keeping()
    now: datetime = START
    next_id: int = 0
    target_at: dict[str, int] = field(default_factory=dict)
    unwell_since: datetime | None = None
    troubled: bool = False
    money: list[Posting] = field(default_factory=list)
    log: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.bank = Bank(self.now)
        self.payment = Payment("pay", "order", "model", self.terms, "card-1", self.now)

    # --- what happens around the payment

    def allocate(self, name: str, units: int) -> None:
        line = self.lines[name]
        line.allocated += min(units, line.waiting)

    def deallocate(self, name: str, units: int) -> None:
        line = self.lines[name]
        line.allocated -= min(units, line.allocated)

    def cancel(self, name: str, units: int, *, by_customer: bool = True) -> None:
        line = self.lines[name]
        units = min(units, line.wanted - line.shipped)
        line.cancel(units)
        line.forfeited += units if by_customer else 0

    def lower_price(self, name: str) -> None:
        self.lines[name].price = self.lines[name].price * 3 // 4

    def ship(self, name: str, units: int) -> None:
        """The warehouse ships what it is shown; what leaves must be paid for at the bank, or held there."""
        line = self.lines[name]
        secured = self.payment.secured(self.money_lines(), self.now)[name]
        shown = line.allocated
        if self.keeping.ships_paid_only:
            shown = min(shown, max(0, secured - line.shipped))
        units = min(units, shown)
        if units == 0:
            return
        line.allocated -= units
        line.shipped += units
        value = sum(each.price * each.shipped for each in self.lines.values())
        backed = self.bank.net + self.payment.conceded + sum(one.amount for one in self.bank.holds())
        disputed = self.payment.disputed
        if backed + disputed < value:
            raise Broken(f"shipped goods of {value}, of which {backed} are paid or held")

    def set_card(self, card: str) -> None:
        self.bank.card = card
        self.troubled = self.troubled or card != "ok"

    def replace_method(self) -> None:
        self.set_card("ok")
        self.payment.replace_method(f"card-{self.rng.randrange(1000)}")

    def authenticate(self, *, well: bool) -> None:
        for intent in self.bank.waiting_for_customer():
            self.bank.authenticate(intent, well=well)

    def finish_pending(self, *, well: bool) -> None:
        for one in self.bank.pending():
            self.bank.finish(one, well=well or (not isinstance(one, BankRefund) and self.bank.card == "ok"))

    def deliver(self, place: int = 0, *, keep: bool = False) -> None:
        """An event of the provider arrives: any of those under way, perhaps not for the last time."""
        if not self.bank.events:
            return
        place %= len(self.bank.events)
        attempt_id, snapshot = self.bank.events[place] if keep else self.bank.events.pop(place)
        attempt = next((one for one in self.payment.attempts if one.attempt_id == attempt_id), None)
        if attempt is not None:
            self.record(attempt, self.bank.fetch(attempt) if self.keeping.fetches else snapshot)

    def lose_events(self) -> None:
        self.bank.events.clear()

    def advance(self, **by: float) -> None:
        self.now += timedelta(**by)
        held = {one.reference for one in self.bank.holds()}
        self.bank.advance(self.now)
        if held - {one.reference for one in self.bank.holds()} and not self.troubled:
            raise Broken("a hold ended by itself although nothing was wrong")

    # --- the worker

    def step(self, fate: str = "ok") -> steps.Step:
        """Do the next thing; ``fate`` is what becomes of the request."""
        self.troubled = self.troubled or fate != "ok"
        step = steps.next_step(self.payment, self.money_lines(), self.now)
        self.log.append(f"{self.now:%d %H:%M} {step} {fate}")
        if self.payment.grace_until is None and not isinstance(step, steps.CancelUnits):
            self.unwell_since = None
        match step:
            case steps.Start():
                self._start(step, fate)
            case steps.Submit(attempt):
                self._submit(attempt, fate)
            case steps.Find(attempt):
                if self.keeping.looks_up:
                    self.record(attempt, self.bank.find(attempt) or Outcome(AttemptState.FAILED, reason=NOT_MADE))
                else:
                    self._submit(attempt, fate)
            case steps.Fetch(attempt):
                if self.keeping.polls:
                    self.record(attempt, self.bank.fetch(attempt))
            case steps.Abandon(attempt):
                self.record(attempt, self.bank.abandon(attempt))
            case steps.CancelUnits(units):
                self._cancel_units(units)
        self.check_always()
        return step

    def run(self, hours: float = 0) -> None:
        """Let the worker do everything that is due, and whatever follows within so many hours."""
        until = self.now + timedelta(hours=hours)
        for _ in range(400):
            step = self.step()
            if isinstance(step, steps.Rest):
                if step.until is None or step.until > until:
                    self.advance(seconds=(until - self.now).total_seconds())
                    return
                self.advance(seconds=(step.until - self.now).total_seconds())
            elif isinstance(step, steps.Fetch) and step.attempt.open and not self.keeping.polls:
                return
        raise Broken("the worker never rests")

    def _start(self, step: steps.Start, fate: str) -> None:
        self.next_id += 1
        attempt = Attempt(
            f"a{self.next_id}", step.kind, step.amount, self.now, step.units, step.of, method=self.payment.method
        )
        self.target_at[attempt.attempt_id] = self.payment.target(self.money_lines(), self.now).captured
        if self.keeping.stores_first or fate in ("ok", "lost_request", "lost_response"):
            self.payment.start(attempt)
            self._submit(attempt, fate)
        elif fate == "crash_after_call":
            self._call(attempt)

    def _submit(self, attempt: Attempt, fate: str) -> None:
        if fate == "crash_before_call":
            return
        if fate == "lost_request":
            self.record(attempt, Outcome(AttemptState.UNKNOWN))
            return
        outcome = self._call(attempt)
        if fate != "crash_after_call":
            self.record(attempt, Outcome(AttemptState.UNKNOWN) if fate == "lost_response" else outcome)

    def _call(self, attempt: Attempt) -> Outcome:
        of = self.payment.attempt(attempt.of).reference if attempt.of else None
        if not self.keeping.key_is_the_id:
            self.next_id += 1
        key = attempt.attempt_id if self.keeping.key_is_the_id else f"key-{self.next_id}"
        before = self.bank.captured, self.bank.refunded
        outcome = self.bank.submit(attempt, of, key)
        target = self.target_at[attempt.attempt_id]
        if attempt.kind in CAPTURING and self.bank.captured > before[0] and self.bank.net > target:
            raise Broken(f"{attempt.kind} of {attempt.amount}: {self.bank.net} taken, {target} due")
        if attempt.kind is AttemptKind.REFUND and self.bank.refunded > before[1] and self.bank.net < target:
            raise Broken(f"refund of {attempt.amount}: {self.bank.net} left, {target} due")
        if attempt.kind is AttemptKind.REFUND and self.bank.refunded > before[1]:
            self._check_not_given_twice(attempt.of or "")
        return outcome

    def _check_not_given_twice(self, charge_id: str) -> None:
        """What the bank has taken back for the customer is not refunded too."""
        charge = self.payment.attempt(charge_id)
        refunded = sum(
            one.amount
            for one in self.bank.refunds.values()
            if one.intent == charge.reference and one.status != "failed"
        )
        disputed = sum(one.taken for one in self.payment.disputes.values() if one.of == charge_id)
        if refunded + disputed > charge.amount:
            raise Broken(f"{refunded} refunded and {disputed} disputed of a charge of {charge.amount}")

    def record(self, attempt: Attempt, outcome: Outcome) -> None:
        self.money += self.payment.record(attempt, outcome, self.now)
        if self.payment.grace_until is not None and self.unwell_since is None:
            self.unwell_since = self.now

    def _cancel_units(self, units: dict[str, int]) -> None:
        if self.unwell_since is None or self.now - self.unwell_since < timedelta(hours=48):
            raise Broken(f"units are cancelled although the customer had until {self.unwell_since} + 48 h")
        for name, number in units.items():
            line = self.lines[name]
            if number > line.wanted - line.shipped:
                raise Broken(f"{number} units of {line} are cancelled, which have shipped")
            line.cancel(number)
        self.unwell_since = None

    # --- what must hold

    def money_lines(self) -> list[LineMoney]:
        return [
            LineMoney(name, line.price, line.wanted, line.shipped, line.shipped + line.allocated, 0, line.forfeited)
            for name, line in self.lines.items()
        ]

    def check_always(self) -> None:
        if self.bank.wrongs:
            raise Broken("; ".join(self.bank.wrongs))
        if len(self.payment.open_attempts) > 1:
            raise Broken(f"two attempts are open: {self.payment.open_attempts}")
        if sum(posting.amount for posting in self.money) != 0:
            raise Broken("the entries do not add up to nothing")
        provider = sum(posting.amount for posting in self.money if posting.account is Account.PROVIDER)
        if provider != self.payment.net - self.payment.disputed:
            raise Broken(f"the entries say {provider}, the attempts {self.payment.net - self.payment.disputed}")
        self._check_refunds()

    def _check_refunds(self) -> None:
        """Money goes back for what was cancelled or became cheaper, and for nothing else."""
        given = sum(one.amount for one in self.payment.attempts if one.kind is AttemptKind.REFUND and one.succeeded)
        whole = sum(line.most * line.quantity for line in self.lines.values()) + self.terms.fee_total
        left = sum(line.price * line.wanted for line in self.lines.values())
        if given > whole - left + self.payment.conceded:
            raise Broken(f"{given} were given back although only {whole - left} is not wanted any more")

    def come_to_rest(self, *, customer_pays: bool) -> None:
        """Nothing is wrong any more, except perhaps the card; everything comes to an end, and must be right."""
        self.troubled = True
        self.bank.refunds_are = "ok"
        if customer_pays:
            self.replace_method()
        else:
            self.set_card("declined")
        for _ in range(6):
            self.finish_pending(well=True)
            self.run(hours=13)
        self.run(hours=24)
        self.check_at_rest(customer_pays=customer_pays)

    def check_at_rest(self, *, customer_pays: bool) -> None:
        self.check_always()
        lines = self.money_lines()
        payment = self.payment
        target = payment.target(lines, self.now)
        if payment.open_attempts:
            raise Broken(f"an attempt is still open: {payment.open_attempts}")
        if (payment.captured, payment.refunded) != (self.bank.captured, self.bank.refunded):
            raise Broken(
                f"known: {payment.captured} − {payment.refunded}; true: {self.bank.captured} − {self.bank.refunded}"
            )
        if payment.held(self.now) != self.bank.held:
            raise Broken(f"held: {payment.held(self.now)} known, {self.bank.held} true")
        if payment.net > target.captured and charge_to_refund(payment) is not None:
            raise Broken(f"{payment.net} taken, {target.captured} due, and nobody gives it back")
        secured = payment.secured(lines, self.now)
        if customer_pays:
            if payment.net < target.captured or self.bank.held != target.held:
                raise Broken(f"{payment.net} taken and {self.bank.held} held, due: {target}")
        elif payment.net < target.captured:
            unpaid = {line.line_id for line in lines if target.units.get(line.line_id, 0) > secured[line.line_id]}
            kept = [line for line in lines if line.line_id in unpaid and line.wanted > line.shipped]
            if kept and any(line.wanted > max(secured[line.line_id], line.shipped) for line in kept):
                raise Broken(f"units that were never paid are kept for the customer: {kept}")
        if self.bank.held > target.held:
            raise Broken(f"{self.bank.held} held, {target.held} due")


def new_world(seed: int, keeping: Keeping = Keeping(), charge_at: ChargeAt | None = None) -> World:
    """An order of one to three lines with terms drawn from the seed."""
    rng = random.Random(seed)
    chosen = charge_at or rng.choice(list(ChargeAt))
    deposit = chosen is ChargeAt.DEPOSIT
    fees = (Fee("shipping", rng.choice([0, 490])),) if rng.random() < 0.5 else ()
    terms = PaymentTerms(
        "EUR", chosen, rng.choice([10, 33, 50]) if deposit else 0, deposit and rng.random() < 0.3, fees
    )
    lines = {name: ModelLine(rng.choice([999, 1501, 20]), rng.randint(1, 4)) for name in "abc"[: rng.randint(1, 3)]}
    return World(rng, terms, lines, keeping)
