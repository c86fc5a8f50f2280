"""An order as far as money is concerned, and what its payment means for its lines."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from order_service.domain.lines import Line
from order_service.domain.order import Order
from order_service.domain.payments.payment import Payment
from order_service.domain.payments.target import LineMoney

SELLING_MODE_UNKNOWN = "selling_mode_unknown"
"""The code of allocation's reason where it has not decided about what waits, because the SKU has no selling policy."""


def money_lines(order: Order) -> list[LineMoney]:
    """The lines of an order as a payment sees them."""
    return [_money_line(line) for line in order.lines.values()]


def _money_line(line: Line) -> LineMoney:
    wanted = max(0, line.quantity - line.cancelled - line.declined)
    return LineMoney(
        line_id=line.line_id,
        unit_price=line.unit_price,
        wanted=wanted,
        shipped=line.shipped,
        reached=min(wanted, line.shipped + line.allocated),
        declined=line.declined,
        forfeited=line.forfeited,
        undecided=max(0, wanted - _decided(line)),
    )


def _decided(line: Line) -> int:
    """Units that allocation has accepted: what it granted, and what waits. New ones are not among them yet."""
    granted = sum(units.granted for units in line.locations.values())
    waiting = 0 if line.reason.code == SELLING_MODE_UNKNOWN else line.waiting
    return max(line.shipped, granted + waiting)


def secure_lines(order: Order, payment: Payment, lines: Sequence[LineMoney], at: datetime) -> list[str]:
    """Write to the order's lines what is paid and what is held; the ids of those that changed.

    What a hold covers is covered until the first of the holds ends, so that a stopped worker lets nothing leave unpaid.
    """
    secured = payment.secured(lines, at)
    ends = [hold.ends_at for hold in payment.attempts if hold.holds_at(at) and hold.ends_at is not None]
    changed = []
    for each in lines:
        line = order.lines[each.line_id]
        charged = each.wanted if each.unit_price == 0 else min(each.wanted, payment.charged.get(each.line_id, 0))
        held = secured[each.line_id] - charged
        until = min(ends, default=None) if held else None
        if (line.charged, line.held, line.held_until) != (charged, held, until):
            line.charged, line.held, line.held_until = charged, held, until
            changed.append(line.line_id)
    return changed
