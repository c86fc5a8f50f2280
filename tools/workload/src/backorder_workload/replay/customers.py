"""The simulated customers: who they are, how long they wait, what they send back. Drawn per person or order."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import date, timedelta

from backorder_workload.replay.order_stream import StreamOrder

_TIERS = ("gold", "silver", "bronze")
_TIER_WEIGHTS = (3, 17, 80)
_CHANNELS = ("web", "phone", "wholesale")
_CHANNEL_WEIGHTS = (85, 10, 5)


@dataclass(frozen=True, slots=True)
class Manner:
    """How one order behaves."""

    tier: str
    channel: str
    ship_complete: bool
    latest_acceptable_date: date | None
    patience_days: float | None  # waits longer than this: cancels what still waits; None: waits for ever
    changes_mind: bool  # cancels the whole order on its first evening
    amends_to: float | None  # multiplies the first line's quantity on its first evening
    returns: bool  # sends back one shipped line


def manner_of(order: StreamOrder, *, seed: int) -> Manner:
    """The behaviour of an order: the tier belongs to the customer, the rest to the order."""
    person = random.Random(f"customer:{seed}:{order.customer}")
    pick = random.Random(f"order:{seed}:{order.reference}")
    latest = order.placed_at.date() + timedelta(days=pick.randint(14, 45)) if pick.random() < 0.03 else None
    return Manner(
        tier=person.choices(_TIERS, _TIER_WEIGHTS)[0] if order.customer else "bronze",
        channel=pick.choices(_CHANNELS, _CHANNEL_WEIGHTS)[0],
        ship_complete=pick.random() < 0.04,
        latest_acceptable_date=latest,
        patience_days=pick.lognormvariate(2.5, 0.6) if pick.random() < 0.3 else None,
        changes_mind=pick.random() < 0.01,
        amends_to=pick.choice((0.5, 2.0)) if pick.random() < 0.01 else None,
        returns=pick.random() < 0.02,
    )


def has_contact(person: str, share: float, *, seed: int) -> bool:
    """Whether this person left an address; over many people, `share` of them did."""
    return random.Random(f"contact:{seed}:{person}").random() < share
