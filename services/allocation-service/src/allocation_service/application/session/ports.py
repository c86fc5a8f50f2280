"""What the use cases need of the outside."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple, Protocol, TypeVar

from allocation_service.application.session.allocation_session import AllocationSession
from allocation_service.domain.allocating.ship_complete import Solver
from allocation_service.domain.promising.learned_supply import PromiseSource
from allocation_service.domain.promising.promise_revision import Revision
from allocation_service.domain.reasons import Reason
from allocation_service.domain.supply.sku import Sku
from event_contracts.fast_encoding import IntegrationEvent

T = TypeVar("T")


class MovedLine(NamedTuple):
    """A line whose promise was revised, as it is now."""

    line_id: str
    order_id: str
    sku: str
    line_version: int
    waiting: int
    declined: int
    reason: Reason | None
    promise_date: date | None
    promise_revision: int
    basis: int
    correlation_id: str
    allocated: dict[str, int]
    promise_source: PromiseSource | None = None
    ship_by: date | None = None


class FoundSkus(NamedTuple):
    """SKUs of the lines already known of some orders, and of some names those that were merged, with their new name."""

    known: set[str]
    renamed: dict[str, str]


class LongQueue(Protocol):
    """A queue that is read once, from its head, while its first places are being served already."""

    async def read(self, lines: int) -> Any | None:
        """The next places (opaque), None at the end; touches no session."""
        ...

    async def lock_orders(self) -> Collection[str]:
        """Lock the orders of all places that are in reach, in sorted order; their ids."""
        ...

    def enter(self, session: AllocationSession, places: Any) -> None:
        """Put a chunk into the session; its queue is known up to the last place."""
        ...


class AllocationStore(Protocol):
    """Allocation's store, as seen by one transaction; every call is one or a few set-based statements."""

    async def skus_of_orders(self, order_ids: Collection[str]) -> set[str]:
        """SKUs of the lines already known of these orders."""
        ...

    async def find_skus(self, order_ids: Collection[str], names: Collection[str]) -> FoundSkus:
        """The SKUs of the lines already known of these orders, and what those of ``names`` that were merged are called
        now."""
        ...

    async def lock_names(self, skus: Iterable[str]) -> None:
        """Make missing SKU rows, and lock all in sorted order, without reading them."""
        ...

    async def merge_skus(self, sku: str, merged: Sequence[str], open_lines: Collection[str]) -> None:
        """Give all that belongs to the ``merged`` SKUs to ``sku``, all of which are locked: lines with their places,
        promises and stock, loans, what is inbound. Of that, lines other than ``open_lines`` are closed. What is on hand
        is left for the event to say."""
        ...

    async def lock_skus(self, session: AllocationSession, skus: Iterable[str], po_lines: Collection[str]) -> None:
        """Make missing SKU rows, lock all in sorted order, and enter them with levels, inbound and promises."""
        ...

    async def peek_skus(self, skus: Iterable[str], now: datetime | None = None) -> dict[str, Sku]:
        """SKUs as they are committed, with the policies of ``now``, without locks; unknown ones are left out."""
        ...

    async def reload_policies(self, session: AllocationSession, skus: Collection[str]) -> None:
        """Give locked SKUs whose category changed the policies that decide about them now."""
        ...

    async def load_orders(self, session: AllocationSession, order_ids: Collection[str]) -> None:
        """Enter the orders with all of their lines, where they are known and not yet in the session."""
        ...

    async def load_queues(self, session: AllocationSession, reach: Mapping[str, int]) -> None:
        """Read the head of each SKU's queue as far as that many units reach, with the orders that ship complete."""
        ...

    async def load_unindexed_queue(
        self, session: AllocationSession, sku: str, now: datetime, lines: int | None, reach: int
    ) -> None:
        """Read the head of a queue as it is sorted ``now``, where it has no index's order: about ``lines`` places of
        each tier and list, or all (None), and enter of each tier as far as ``reach`` units go; the session's queue
        names what is unread."""
        ...

    async def waits_outside(self, sku: str, outlets: Mapping[str, Collection[str]], units: int) -> bool:
        """Whether anybody waits for a SKU whose order goes to none of these outlets (names by ``channel`` and
        ``region``) and who takes parts, or no more than so many units."""
        ...

    async def load_holdings(self, session: AllocationSession, sku: str, location: str, limit: int) -> None:
        """Enter the lines that would lose stock of a location first."""
        ...

    async def undecided_orders(self, session: AllocationSession, skus: Collection[str]) -> None:
        """Enter the orders that have undecided units of these SKUs."""
        ...

    async def lock_orders(self, order_ids: Iterable[str]) -> None:
        """Lock the order rows in sorted order, before events about them are inserted."""
        ...

    def prepare(self, session: AllocationSession, lock: Sequence[str]) -> Any:
        """What writes all that changed in the session and publishes its events, behind locks of these orders.

        Made at once, so that the session may go on before it is written. Opaque.
        """
        ...

    async def write_and_publish(self, prepared: Any) -> None:
        """Write what was prepared: its rows, then, once its orders are locked, its events into the outbox."""
        ...

    async def open_long_queue(self, session: AllocationSession, sku: str, units: int) -> LongQueue:
        """A queue to be read in chunks, as far as that many units reach."""
        ...

    async def load_loans(self, session: AllocationSession, sku: str) -> None:
        """Enter the loans of a SKU that have not come back, with the lines of their lenders."""
        ...

    async def load_evidence(self, session: AllocationSession, supplier: str, lead_days: int, today: date) -> None:
        """Enter how late deliveries were that had this many days to go: this supplier's, and everybody's."""
        ...

    async def load_urgent(self, session: AllocationSession, sku: str, before: date, limit: int) -> None:
        """Enter lines that take parts and wait for a SKU, due before a day, the soonest first."""
        ...

    async def find_lenders(self, session: AllocationSession, sku: str, after: date, limit: int) -> Collection[str]:
        """Enter lines that hold all they ordered of a SKU, need it after a day only, and neither have lent
        before nor borrowed; the latest first. Their ids."""
        ...

    async def in_thread(self, work: Callable[[], T]) -> T:
        """Do long work in a worker thread, while the transaction shows that it lives."""
        ...

    def solver(self) -> Solver:
        """What chooses among orders that ship complete where several SKUs are scarce."""
        ...

    async def revise_promises(self, revision: Revision, gained: int | None = None) -> Sequence[MovedLine]:
        """Give the lines of a SKU the promises that its supply and terms allow, in one statement; the lines whose date
        moved."""
        ...

    async def move_allocated(self, revision: Revision, day: date) -> Sequence[MovedLine]:
        """Promise what is allocated of a SKU, has not shipped and waits for nothing more for a day; the lines that
        moved."""
        ...

    async def first_unbacked(self, skus: Collection[str]) -> Mapping[str, int]:
        """By SKU: the waiting units of the first line, by claims, that known supply does not back; of those where there
        is one."""
        ...

    async def oldest_deferred_orders(self, limit: int, without: Collection[str] = ()) -> list[str]:
        """Order ids of the oldest deferred orders, apart from those that are set aside and those of ``without``."""
        ...

    async def set_deferred_order_aside(self, order_id: str, task: str, error: BaseException) -> None:
        """From now on the deferred order stands in nobody's way, until it is taken up or deferred again.

        ``error`` is noted with it in the parked work of ``task``.
        """
        ...

    async def take_up_deferred_orders(self, order_ids: Collection[str]) -> None:
        """Put deferred orders that were set aside back among the others; any other id is passed over."""
        ...

    async def open_deferred_orders(self, session: AllocationSession, order_ids: Sequence[str]) -> list[str]:
        """Those of ``order_ids`` that still wait and stand behind no older one of the locked SKUs."""
        ...

    async def publish(self, events: Sequence[IntegrationEvent]) -> None:
        """Put events into the outbox."""
        ...
