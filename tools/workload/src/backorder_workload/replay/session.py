"""What the parts of a replay share: the system, the simulated shop, and the counts so far."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Generic, TypeVar

from backorder_workload.replay.allocation_history import AllocationHistory, NotDecided
from backorder_workload.replay.api import Api, CallFailed
from backorder_workload.replay.catalogue import Catalogue
from backorder_workload.replay.customers import OrderBehaviour
from backorder_workload.replay.figures import PlacedOrder
from backorder_workload.replay.listener import Listener, NotCaughtUp
from backorder_workload.replay.order_stream import StreamOrder
from backorder_workload.replay.purchasing import StockPosition

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Choices:
    """The options of a replay."""

    seed: int = 1
    locations: int = 2
    concurrency: int = 32
    contacts_share: float = 0.25
    drain_days: int = 45
    run: str = "r"


@dataclass(slots=True)
class TrackedOrder:
    """An order of the stream after it was placed."""

    stream: StreamOrder
    behaviour: OrderBehaviour
    placed: PlacedOrder
    line_ids: tuple[str, ...]

    @property
    def order_id(self) -> str:
        """The id that the order service assigned."""
        return self.placed.order_id


@dataclass(slots=True)
class Session:
    """The state of a running replay."""

    api: Api
    listener: Listener
    history: AllocationHistory
    catalogue: Catalogue
    position: StockPosition
    choices: Choices
    orders: dict[str, TrackedOrder] = field(default_factory=dict)
    open_orders: dict[str, TrackedOrder] = field(default_factory=dict)
    done: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)

    async def concurrently(self, calls: Iterable[Awaitable[T]]) -> list[T]:
        """Run calls concurrently, bounded by the API client; the first error cancels the others."""
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(_awaited(call)) for call in calls]
        except* (CallFailed, NotDecided, NotCaughtUp) as failed:
            raise _first(failed) from None
        return [task.result() for task in tasks]

    async def allowed_to_fail(self, what: str, call: Callable[[], Awaitable[T]]) -> T | None:
        """Run a call that may be refused because of a concurrent change; counts the refusal and returns None."""
        try:
            return await call()
        except CallFailed as error:
            if error.status not in (409, 412):
                raise
            self.refused[f"{what}: {error.code or error.status}"] += 1
            return None


def _first(failed: BaseExceptionGroup[Exception]) -> Exception:
    error: BaseException = failed
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error if isinstance(error, Exception) else RuntimeError(str(error))


async def _awaited(call: Awaitable[T]) -> T:
    return await call


class Schedule(Generic[T]):
    """Future events of the simulated world, by day."""

    def __init__(self) -> None:
        self._days: defaultdict[date, list[T]] = defaultdict(list)

    def add(self, day: date, entry: T) -> None:
        """Schedule an entry for a day."""
        self._days[day].append(entry)

    def take(self, day: date) -> list[T]:
        """Remove the entries of a day and return them."""
        return self._days.pop(day, [])

    def __len__(self) -> int:
        return sum(len(entries) for entries in self._days.values())


def stamp(moment: datetime) -> str:
    """A business time in the API's format."""
    return moment.isoformat().replace("+00:00", "Z")
