"""Storage of the legal record, within the transaction of a unit of work."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple, Protocol

from order_service.domain.promises.records import Offer, PromiseRecord
from order_service.domain.promises.verdict import CancellationCause

LAW = "law"
"""The kind of deadline at which an order is judged by the law anew; its ``ref`` is the order's id."""


class RecordedLine(NamedTuple):
    """A promise record with the id of its order."""

    order_id: str
    record: PromiseRecord


@dataclass(frozen=True, slots=True)
class RefundRight:
    """Units that were cancelled, and the moment by which what was paid for them must have been sent back.

    ``fees``: nothing of the order was shipped and nothing of it is left, so that its fees go back too. ``offer_id`` is
    the offer that the customer refused, if they did.
    """

    refund_id: str
    order_id: str
    line_id: str
    units: int
    cause: CancellationCause
    vested_on: date
    refund_due_by: datetime
    fees: bool
    offer_id: str | None = None


class OfferPlace(NamedTuple):
    """The place of an offer in the list of those that are due."""

    due_at: datetime
    offer_id: str


class OwnedOffer(NamedTuple):
    """An offer and the id of its order."""

    order_id: str
    offer: Offer


class PromiseStore(Protocol):
    """Storage of promise records, offers with their replies, deadlines and rights to refunds."""

    async def records_of_lines(self, line_ids: Collection[str]) -> dict[str, list[PromiseRecord]]:
        """The records of each line, by their revisions; a line without any is left out."""
        ...

    async def records_of_orders(self, order_ids: Collection[str]) -> dict[str, list[PromiseRecord]]:
        """The records of each order's lines, by line and revision; an order without any has an empty list."""
        ...

    async def add_records(self, records: Sequence[RecordedLine]) -> None:
        """Add records; a revision that is there already is an error."""
        ...

    async def offers_of_orders(self, order_ids: Collection[str]) -> dict[str, list[Offer]]:
        """The offers of each order with their newest replies, by their number; an order without any has none."""
        ...

    async def save_offers(self, offers: Sequence[OwnedOffer]) -> None:
        """Add offers, or write back what may change of them; a reply that is not stored yet is added to theirs.

        The caller has locked the orders.
        """
        ...

    async def orders_of_offers(self, offer_ids: Collection[str]) -> dict[str, str]:
        """The order of each offer; unknown ids are left out."""
        ...

    async def offers_due(
        self, before: datetime, customer_id: str | None, *, after: OfferPlace | None, limit: int
    ) -> Sequence[OwnedOffer]:
        """Open offers of which something is due before this moment, the earliest first, behind the place ``after``.

        ``customer_id`` limits them to orders of that customer."""
        ...

    async def count_unsent(self, notice_by: datetime) -> int:
        """How many offers were not sent yet although a notice after this moment would be too late."""
        ...

    async def add_refunds(self, refunds: Sequence[RefundRight]) -> None:
        """Add rights to refunds."""
        ...

    async def refunds_of_order(self, order_id: str) -> Sequence[RefundRight]:
        """The rights to refunds of an order, oldest first."""
        ...

    async def hint_deadlines(self, kind: str, due: Mapping[str, datetime]) -> None:
        """See that each ``ref`` is judged by then: an earlier deadline that is stored stays."""
        ...

    async def set_deadlines(self, kind: str, due: Mapping[str, datetime | None]) -> None:
        """Store when each ``ref`` is judged next, None: not by itself. The caller has locked what it refers to."""
        ...

    async def refs_due(self, kind: str, now: datetime, without: Collection[str], limit: int) -> Sequence[str]:
        """What has to be judged by ``now``, the longest due first, apart from ``without``."""
        ...
