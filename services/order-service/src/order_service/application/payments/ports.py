"""What the use cases of payments need from outside: storage, and payment providers."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import NamedTuple, Protocol

from order_service.domain.payments.attempts import Attempt, AttemptState, Outcome
from order_service.domain.payments.disputes import DisputeState
from order_service.domain.payments.payment import Payment
from order_service.domain.payments.postings import Posting
from order_service.domain.payments.summary import PaymentSummary


class PaymentKey(NamedTuple):
    """A payment and the order that it pays. The order is locked first."""

    payment_id: str
    order_id: str


@dataclass(slots=True)
class StoredPayment:
    """A payment as it is stored, with what was published of it last."""

    payment: Payment
    summary: PaymentSummary = field(default_factory=PaymentSummary)
    look_at: datetime | None = None
    refund_due_by: datetime | None = None


@dataclass(frozen=True, slots=True)
class ProviderEvent:
    """What a provider told, after its signature was verified: a hint that ``object_id`` has changed."""

    provider: str
    event_id: str
    kind: str
    object_id: str


@dataclass(frozen=True, slots=True)
class Difference:
    """An attempt of which the provider's books say something else than ours."""

    payment_id: str
    attempt_id: str
    ours: Mapping[str, str | int | None]
    theirs: Mapping[str, str | int | None]


class PaymentStore(Protocol):
    """Storage of payments, within the transaction of a unit of work."""

    async def add(self, payments: Sequence[Payment]) -> None:
        """Store new payments; each is looked at at once."""
        ...

    async def key(self, payment_id: str) -> PaymentKey | None:
        """The order that a payment pays."""
        ...

    async def lock(self, key: PaymentKey) -> StoredPayment | None:
        """Load a payment and lock it. Whoever calls has locked the order before."""
        ...

    async def find(self, payment_id: str) -> StoredPayment | None:
        """Load a payment as it is, without locking it."""
        ...

    async def of_order(self, order_id: str) -> StoredPayment | None:
        """Load the payment of an order, without locking it."""
        ...

    async def save(self, stored: StoredPayment, postings: Sequence[Posting]) -> None:
        """Write a payment back with its attempts, disputes and entries. What has ended of an attempt stays."""
        ...

    async def due(self, at: datetime, limit: int) -> list[PaymentKey]:
        """Payments that are to be looked at ``at`` this moment, the longest due first."""
        ...

    async def count_refunds_due(self, before: datetime) -> int:
        """How many payments have money to give back that the law wants sent before this moment."""
        ...

    async def postpone(self, payment_id: str, until: datetime) -> None:
        """Leave a payment alone until this moment, whatever else is true of it."""
        ...

    async def touch(self, order_ids: Collection[str], at: datetime) -> None:
        """Have the payments of these orders looked at: something about the orders has changed."""
        ...

    async def record_event(self, event: ProviderEvent, at: datetime) -> bool:
        """Store what a provider told; False if this event was stored before."""
        ...

    async def unhandled_events(self, limit: int) -> list[ProviderEvent]:
        """Events that were not looked at yet, the oldest first."""
        ...

    async def event_handled(self, event: ProviderEvent, at: datetime) -> None:
        """This event needs no further look."""
        ...

    async def keys_by_reference(self, references: Collection[str]) -> list[PaymentKey]:
        """Payments with an attempt that the provider knows under one of these ids."""
        ...

    async def changed_since(self, since: datetime, limit: int, after: str = "") -> list[PaymentKey]:
        """Payments that changed since, by id, for the reconciliation."""
        ...

    async def save_differences(self, day: date, differences: Sequence[Difference], at: datetime) -> None:
        """Keep what a reconciliation found, once a day for each attempt."""
        ...

    async def differences(self, day: date) -> list[Difference]:
        """What was found on a day."""
        ...


@dataclass(frozen=True, slots=True)
class Setup:
    """What a storefront needs to have a card stored: it shows the provider's form with ``client_secret``."""

    setup_id: str
    provider: str
    client_secret: str | None
    url: str | None = None


@dataclass(frozen=True, slots=True)
class ReportedDispute:
    """A dispute as the provider reports it, about the money of the object ``reference``."""

    dispute_id: str
    reference: str
    amount: int
    state: DisputeState


class ProviderUnavailable(Exception):
    """The provider could not be asked; nothing is known about what was asked."""


class InvalidSignature(Exception):
    """What claims to come from a provider was not signed by it, or too long ago."""


class PaymentProvider(Protocol):
    """A provider that takes money. Each call that changes something carries the attempt's id as its key.

    Calls raise ProviderUnavailable where the outcome is not known.
    """

    @property
    def reports_by_api(self) -> bool:
        """Whether the merchant's system carries attempts out and reports the results; nothing is called then."""
        ...

    async def submit(self, payment: Payment, attempt: Attempt) -> Outcome:
        """Carry an attempt out, or repeat the response of the first time."""
        ...

    async def fetch(self, payment: Payment, attempt: Attempt) -> Outcome:
        """How an attempt stands now; it has a reference."""
        ...

    async def find(self, payment: Payment, attempt: Attempt) -> Outcome | None:
        """Look for an attempt by the id that was sent along with it; None: the provider never got it."""
        ...

    async def abandon(self, payment: Payment, attempt: Attempt) -> Outcome:
        """Give up an attempt that waits for the customer; its outcome if it has succeeded meanwhile."""
        ...

    async def dispute(self, dispute_id: str) -> ReportedDispute | None:
        """A dispute as it stands now."""
        ...

    async def set_up(self, order_reference: str | None, customer: str | None) -> Setup:
        """Begin to store a customer's card or account."""
        ...

    def verify(self, headers: Mapping[str, str], body: bytes, now: datetime) -> ProviderEvent:
        """The event in a request that the provider signed. Raises InvalidSignature."""
        ...

    async def close(self) -> None:
        """Let connections go."""
        ...


Providers = Mapping[str, PaymentProvider]
"""The providers of this installation, by name."""

NEVER_MADE = Outcome(AttemptState.FAILED, reason="not_made")
