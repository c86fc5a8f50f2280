"""Double entry: whatever happens to money is entered twice, so that the entries of each event add up to nothing."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from order_service.domain.payments.attempts import CAPTURING, Attempt, AttemptKind


class Account(StrEnum):
    """Where money is: with the provider, held at the customer's bank, disputed, or (the other side) the customer's."""

    CUSTOMER = "customer"
    PROVIDER = "provider"
    AUTHORISED = "authorised"
    HELD = "held"
    DISPUTED = "disputed"


@dataclass(frozen=True, slots=True)
class Posting:
    """One entry: ``amount`` minor units into an account, negative if out of it. ``source`` is what brought it about."""

    source: str
    account: Account
    amount: int


def transfer(source: str, giver: Account, taker: Account, amount: int) -> list[Posting]:
    """Both entries of ``amount`` moving from one account to another; nothing for 0."""
    return [Posting(source, giver, -amount), Posting(source, taker, amount)] if amount else []


def postings_of_success(attempt: Attempt) -> list[Posting]:
    """The entries of an attempt that has just succeeded."""
    if attempt.kind in CAPTURING:
        return transfer(attempt.attempt_id, Account.CUSTOMER, Account.PROVIDER, attempt.amount)
    if attempt.kind is AttemptKind.REFUND:
        return transfer(attempt.attempt_id, Account.PROVIDER, Account.CUSTOMER, attempt.amount)
    if attempt.kind is AttemptKind.HOLD:
        return transfer(attempt.attempt_id, Account.AUTHORISED, Account.HELD, attempt.amount)
    return []


def postings_of_failed_refund(attempt: Attempt) -> list[Posting]:
    """The entries of a refund that had succeeded and came back."""
    return transfer(attempt.attempt_id, Account.CUSTOMER, Account.PROVIDER, attempt.amount)


def postings_of_hold_end(hold: Attempt) -> list[Posting]:
    """The entries of a hold that has just ended, however it ended."""
    return transfer(hold.attempt_id, Account.HELD, Account.AUTHORISED, hold.amount)
