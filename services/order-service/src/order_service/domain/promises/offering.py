"""Which offers are made, and which are over: pure, from the facts and the law's verdict."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from order_service.domain.promises.law import told_day
from order_service.domain.promises.records import LineFacts, Offer, OfferedLine, OrderFacts
from order_service.domain.promises.verdict import OfferNeed


@dataclass(frozen=True, slots=True)
class OfferChanges:
    """Offers that are made, and those that changed: their state or that another took their place."""

    made: tuple[Offer, ...] = ()
    changed: tuple[Offer, ...] = ()

    @property
    def all(self) -> tuple[Offer, ...]:
        """All of them."""
        return (*self.changed, *self.made)


def plan_offers(
    order: OrderFacts, needs: Sequence[OfferNeed], now: datetime, new_id: Callable[[], str]
) -> OfferChanges:
    """Make an offer for ``needs``, one for all lines of which it says the same, and end what is over ``now``.

    An offer is over when the newest offer of each of its lines is another one, when nothing of it is open any more, or,
    if it was not sent yet, when no line is late any more as it says. Its state follows the clock, too.
    """
    first = max((offer.number for offer in order.offers), default=0) + 1
    made = tuple(_offer(group, number, now, new_id()) for number, group in enumerate(_grouped(needs), start=first))
    lines = {line.line_id: line for line in order.lines}
    newest = _newest([*order.offers, *made])
    changed = []
    for offer in order.offers:
        over = offer.superseded or (offer.reply is None and not _is_alive(offer, lines, newest))
        after = replace(offer, superseded=over)
        after = replace(after, state=after.state_at(now))
        if after != offer:
            changed.append(replace(after, version=offer.version + 1))
    return OfferChanges(made, tuple(changed))


def _grouped(needs: Sequence[OfferNeed]) -> list[list[OfferNeed]]:
    groups: dict[tuple[object, ...], list[OfferNeed]] = {}
    for need in needs:
        groups.setdefault((need.kind, need.silence_means, need.respond_by, need.notice_by), []).append(need)
    return list(groups.values())


def _offer(needs: Sequence[OfferNeed], number: int, now: datetime, offer_id: str) -> Offer:
    first = needs[0]
    return Offer(
        offer_id=offer_id,
        number=number,
        kind=first.kind,
        lines=tuple(OfferedLine(need.line_id, need.from_date, need.to_date) for need in needs),
        silence_means=first.silence_means,
        made_at=now,
        notice_by=first.notice_by,
        respond_by=first.respond_by,
    )


def _newest(offers: Sequence[Offer]) -> dict[str, int]:
    """The number of the newest offer of each line that nothing has replaced."""
    return {
        line.line_id: offer.number
        for offer in sorted(offers, key=lambda one: one.number)
        if not offer.superseded
        for line in offer.lines
    }


def _is_alive(offer: Offer, lines: dict[str, LineFacts], newest: dict[str, int]) -> bool:
    for said in offer.lines:
        line = lines.get(said.line_id)
        if line is None or line.open <= 0 or newest.get(said.line_id) != offer.number:
            continue
        if offer.sent_at is not None or (line.waiting and told_day(line) == said.to_date):
            return True
    return False
