"""How much money there ought to be, as a pure function of the order: never as the sum of steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from order_service.domain.payments.terms import ChargeAt, PaymentTerms

FEES = "fees"
"""The key of the fees among the units that are paid: they are paid once, like one unit of a line of their own."""

Units = Mapping[str, int]
"""Units by line id; the fees stand among them under `FEES`."""


@dataclass(frozen=True, slots=True)
class LineMoney:
    """A line as far as money is concerned: ``unit_price`` in minor units, everything else in units.

    ``wanted`` units are neither cancelled nor ``declined``; ``reached`` units of them were allocated or have shipped,
    ``shipped`` ones have left. ``forfeited`` units were cancelled by the customer. Of those that are wanted,
    allocation has not answered about ``undecided`` ones: it may decline them.
    """

    line_id: str
    unit_price: int
    wanted: int
    shipped: int = 0
    reached: int = 0
    declined: int = 0
    forfeited: int = 0
    undecided: int = 0

    @property
    def decided(self) -> int:
        """Wanted units that will be sold, now or later."""
        return self.wanted - self.undecided


@dataclass(frozen=True, slots=True)
class Target:
    """The money that there ought to be, in minor units.

    ``captured``: taken and not given back. It pays ``units`` in full. ``held``: authorised for ``held_units``.
    ``prices`` are what a unit of each line costs, and the fees.
    """

    captured: int = 0
    held: int = 0
    units: Units = field(default_factory=dict)
    held_units: Units = field(default_factory=dict)
    prices: Units = field(default_factory=dict)

    def value(self, units: Units) -> int:
        """What so many units cost now, in minor units."""
        return sum(self.prices.get(key, 0) * number for key, number in units.items())


def share_of(amount: int, percent: int) -> int:
    """``percent`` of ``amount``, rounded up to a whole minor unit."""
    return -(-amount * percent // 100)


def target_of(
    terms: PaymentTerms, lines: Sequence[LineMoney], charged: Units, steady: Units, *, net: int = 0, conceded: int = 0
) -> Target:
    """The target of an order.

    ``charged`` are the units that were paid in full before, which stay charged until they are cancelled. ``steady``
    are the units that have been allocated, or shipped, for long enough. What is undecided is not asked for, since it
    may be declined, and nothing that was taken goes back because of it. ``net`` is what is captured and not refunded:
    a deposit that is kept is kept, not charged. ``conceded`` was given back out of goodwill.
    """
    full = {line.line_id: _paid_in_full(terms.charge_at, line, charged, steady) for line in lines}
    to_hold = {line.line_id: _to_hold(terms.charge_at, line, full) for line in lines}
    captured = sum(line.unit_price * full[line.line_id] for line in lines)
    held = sum(line.unit_price * to_hold[line.line_id] for line in lines)
    wanted = any(line.wanted for line in lines)
    deposit, most = _deposit(terms, lines, full)
    captured += deposit
    if wanted and (charged.get(FEES) or any(full.values()) or deposit):
        full[FEES] = 1
        captured += terms.fee_total
    elif any(to_hold.values()):
        to_hold[FEES] = 1
        held += terms.fee_total
    captured += min(most - deposit, max(0, net + conceded - captured))
    captured += min(_forfeited(terms, lines), max(0, net + conceded - captured))
    captured = max(0, captured - conceded)
    prices = {line.line_id: line.unit_price for line in lines} | {FEES: terms.fee_total}
    return Target(captured, held, _some(full), _some(to_hold), prices)


def _paid_in_full(charge_at: ChargeAt, line: LineMoney, charged: Units, steady: Units) -> int:
    due = {
        ChargeAt.ORDER: line.decided,
        ChargeAt.ALLOCATION: max(line.shipped, steady.get(line.line_id, 0)),
        ChargeAt.SHIPMENT: line.shipped,
        ChargeAt.DEPOSIT: max(line.shipped, steady.get(line.line_id, 0)),
    }[charge_at]
    return min(line.wanted, max(due, charged_before(charged, line.line_id)))


def _deposit(terms: PaymentTerms, lines: Sequence[LineMoney], full: Units) -> tuple[int, int]:
    """The deposit for what is decided and not paid in full, and the most that it may be once all is decided."""
    if terms.charge_at is not ChargeAt.DEPOSIT:
        return 0, 0
    rest = sum(line.unit_price * max(0, line.decided - full[line.line_id]) for line in lines)
    most = sum(line.unit_price * (line.wanted - full[line.line_id]) for line in lines)
    return share_of(rest, terms.deposit_percent), share_of(most, terms.deposit_percent)


def charged_before(charged: Units, line_id: str) -> int:
    """Units that were paid in full before. They stay so until they are cancelled, whatever is deallocated."""
    return charged.get(line_id, 0)


def _to_hold(charge_at: ChargeAt, line: LineMoney, full: Units) -> int:
    if charge_at is not ChargeAt.SHIPMENT:
        return 0
    return max(0, min(line.wanted, line.reached) - full[line.line_id])


def _forfeited(terms: PaymentTerms, lines: Sequence[LineMoney]) -> int:
    """The deposit of what the customer cancelled, if the merchant keeps it."""
    if terms.charge_at is not ChargeAt.DEPOSIT or not terms.deposit_kept:
        return 0
    return share_of(sum(line.unit_price * line.forfeited for line in lines), terms.deposit_percent)


def _some(units: Units) -> dict[str, int]:
    return {line_id: number for line_id, number in units.items() if number}
