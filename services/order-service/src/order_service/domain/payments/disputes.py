"""A dispute: the customer's bank has taken money back, and the merchant may win it again."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from order_service.domain.payments.postings import Account, Posting, transfer


class DisputeState(StrEnum):
    """How a dispute stands. Until it is won the amount is with the customer, and is not refunded again."""

    OPEN = "open"
    LOST = "lost"
    WON = "won"


@dataclass(frozen=True, slots=True)
class Dispute:
    """A dispute about the charge of an attempt, ``of``; ``amount`` in minor units."""

    dispute_id: str
    of: str
    amount: int
    state: DisputeState

    @property
    def taken(self) -> int:
        """What the bank has taken back and not returned."""
        return 0 if self.state is DisputeState.WON else self.amount


def postings_of_dispute(before: Dispute | None, after: Dispute) -> list[Posting]:
    """The entries of a change of a dispute."""
    taken = after.taken - (before.taken if before else 0)
    giver, taker = (Account.PROVIDER, Account.DISPUTED) if taken > 0 else (Account.DISPUTED, Account.PROVIDER)
    return transfer(after.dispute_id, giver, taker, abs(taken))
