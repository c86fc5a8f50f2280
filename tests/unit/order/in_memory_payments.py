"""The store of payments in memory; `payment_suite` holds it to the same behaviour as the one on PostgreSQL."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import date, datetime

from order_service.application.payments.ports import Difference, PaymentKey, ProviderEvent, StoredPayment
from order_service.domain.payments.payment import Payment
from order_service.domain.payments.postings import Posting


@dataclass
class PaymentRecords:
    """All that is stored about payments."""

    payments: dict[str, StoredPayment] = field(default_factory=dict)
    updated_at: dict[str, datetime] = field(default_factory=dict)
    entries: list[tuple[str, Posting, datetime]] = field(default_factory=list)
    events: dict[tuple[str, str], ProviderEvent] = field(default_factory=dict)
    handled: set[tuple[str, str]] = field(default_factory=set)
    found: dict[tuple[date, str], Difference] = field(default_factory=dict)

    def touch(self, order_ids: Collection[str], at: datetime) -> None:
        """Have the payments of these orders looked at."""
        for stored in self.payments.values():
            if stored.payment.order_id in order_ids and (stored.look_at is None or stored.look_at > at):
                stored.look_at = at


class InMemoryPayments:
    """`PaymentStore` in memory."""

    def __init__(self, records: PaymentRecords, now: datetime) -> None:
        self._records = records
        self._now = now

    async def add(self, payments: Sequence[Payment]) -> None:
        """See PaymentStore."""
        for payment in payments:
            self._records.payments[payment.payment_id] = StoredPayment(deepcopy(payment), look_at=self._now)
            self._records.updated_at[payment.payment_id] = self._now

    async def key(self, payment_id: str) -> PaymentKey | None:
        """See PaymentStore."""
        stored = self._records.payments.get(payment_id)
        return _key(stored) if stored else None

    async def lock(self, key: PaymentKey) -> StoredPayment | None:
        """See PaymentStore."""
        return deepcopy(self._records.payments.get(key.payment_id))

    async def find(self, payment_id: str) -> StoredPayment | None:
        """See PaymentStore."""
        return deepcopy(self._records.payments.get(payment_id))

    async def of_order(self, order_id: str) -> StoredPayment | None:
        """See PaymentStore."""
        return next((deepcopy(one) for one in self._all() if one.payment.order_id == order_id), None)

    async def save(self, stored: StoredPayment, postings: Sequence[Posting]) -> None:
        """See PaymentStore."""
        payment = stored.payment
        if len(payment.open_attempts) > 1:
            raise ValueError(f"payment {payment.payment_id} has two open attempts")
        self._records.payments[payment.payment_id] = deepcopy(stored)
        self._records.updated_at[payment.payment_id] = self._now
        self._records.entries += [(payment.payment_id, posting, self._now) for posting in postings]

    async def due(self, at: datetime, limit: int) -> list[PaymentKey]:
        """See PaymentStore."""
        due = [(one.look_at, _key(one)) for one in self._all() if one.look_at is not None and one.look_at <= at]
        return [key for _, key in sorted(due)][:limit]

    async def count_refunds_due(self, before: datetime) -> int:
        """See PaymentStore."""
        due = [one for one in self._all() if one.summary.refund_due > 0 and one.refund_due_by is not None]
        return sum(one.refund_due_by is not None and one.refund_due_by < before for one in due)

    async def postpone(self, payment_id: str, until: datetime) -> None:
        """See PaymentStore."""
        self._records.payments[payment_id].look_at = until

    async def touch(self, order_ids: Collection[str], at: datetime) -> None:
        """See PaymentStore."""
        self._records.touch(order_ids, at)

    async def record_event(self, event: ProviderEvent, at: datetime) -> bool:
        """See PaymentStore."""
        known = (event.provider, event.event_id) in self._records.events
        self._records.events.setdefault((event.provider, event.event_id), event)
        return not known

    async def unhandled_events(self, limit: int) -> list[ProviderEvent]:
        """See PaymentStore."""
        events = self._records.events.items()
        return [event for identity, event in events if identity not in self._records.handled][:limit]

    async def event_handled(self, event: ProviderEvent, at: datetime) -> None:
        """See PaymentStore."""
        self._records.handled.add((event.provider, event.event_id))

    async def keys_by_reference(self, references: Collection[str]) -> list[PaymentKey]:
        """See PaymentStore."""
        found = [one for one in self._all() if any(each.reference in references for each in one.payment.attempts)]
        return sorted(map(_key, found))

    async def changed_since(self, since: datetime, limit: int, after: str = "") -> list[PaymentKey]:
        """See PaymentStore."""
        updated = self._records.updated_at
        return sorted(_key(one) for one in self._all() if _is_after(one, after) and updated[_key(one)[0]] >= since)[
            :limit
        ]

    async def save_differences(self, day: date, differences: Sequence[Difference], at: datetime) -> None:
        """See PaymentStore."""
        for one in differences:
            self._records.found.setdefault((day, one.attempt_id), one)

    async def differences(self, day: date) -> list[Difference]:
        """See PaymentStore."""
        return [one for (on, _), one in sorted(self._records.found.items(), key=lambda item: item[0]) if on == day]

    def _all(self) -> list[StoredPayment]:
        return list(self._records.payments.values())


def _key(stored: StoredPayment) -> PaymentKey:
    return PaymentKey(stored.payment.payment_id, stored.payment.order_id)


def _is_after(stored: StoredPayment, payment_id: str) -> bool:
    return stored.payment.payment_id > payment_id
