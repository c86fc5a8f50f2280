"""Notices of delays: what a law or the customer's own terms demand to be told, whatever else customers are told of."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

DELAY_NOTICE = "delay_notice"
"""The template of a notice of a delay. It is a message of its own: never collected with others, never held back."""


@dataclass(frozen=True, slots=True)
class OfferVersion:
    """An offer of a delay as an event told it; ``state`` is where it is at ``version``."""

    offer_id: str
    version: int
    state: str


def offers_that_are_over(told: Iterable[OfferVersion]) -> list[str]:
    """The offers of which nothing has to be told any more, as their newest version says: they were sent by somebody
    else, answered, or replaced."""
    newest: dict[str, OfferVersion] = {}
    for one in told:
        if one.offer_id not in newest or newest[one.offer_id].version < one.version:
            newest[one.offer_id] = one
    return sorted(offer_id for offer_id, one in newest.items() if one.state != "offered")
