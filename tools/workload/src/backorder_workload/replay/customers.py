"""The simulated customers: who they are, how long they wait, what they return. Drawn per customer or order."""

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
class OrderBehaviour:
    """What the customer of one order does."""

    tier: str
    channel: str
    ship_complete: bool
    latest_acceptable_date: date | None
    patience_days: float | None  # cancels what still waits after this; None: waits for ever
    changes_mind: bool  # cancels the whole order on its first evening
    amends_to: float | None  # multiplies the first line's quantity on its first evening
    returns: bool  # sends back one shipped line


def behaviour_of(order: StreamOrder, *, seed: int) -> OrderBehaviour:
    """The behaviour of an order. The tier depends on the customer, the rest on the order."""
    person = random.Random(f"customer:{seed}:{order.customer}")
    pick = random.Random(f"order:{seed}:{order.reference}")
    latest = order.placed_at.date() + timedelta(days=pick.randint(14, 45)) if pick.random() < 0.03 else None
    return OrderBehaviour(
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
    """Whether the customer left an address; `share` of all customers did."""
    return random.Random(f"contact:{seed}:{person}").random() < share
