"""Units of work in memory, so that use cases are tested without a database."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from copy import deepcopy
from datetime import datetime
from typing import Generic, TypeVar

from event_contracts import Event
from service_kit.runtime.clock import Clock, SystemClock


class InMemoryUnitOfWork:
    """Implements ``UnitOfWork``; services derive theirs and add in-memory stores over their own state.

    ``published`` are the events of this unit of work, in order.
    """

    def __init__(self, now: datetime) -> None:
        self._now = now
        self.published: list[Event] = []
        self.callbacks: list[Callable[[], None]] = []
        self.committed = False

    @property
    def now(self) -> datetime:
        """The moment it was opened."""
        return self._now

    async def publish(self, events: Sequence[Event]) -> None:
        """Keep the events until the commit."""
        self.published.extend(events)

    def after_commit(self, callback: Callable[[], None]) -> None:
        """Call it after the commit."""
        self.callbacks.append(callback)

    async def commit(self) -> None:
        """Let what was done last."""
        self.committed = True


S = TypeVar("S")
U = TypeVar("U", bound=InMemoryUnitOfWork)


class InMemoryUnitOfWorkFactory(Generic[S, U]):
    """Opens units of work on copies of ``state``; a commit puts the copy in its place.

    ``make`` builds the service's unit of work on a state. ``outbox`` are the events of all that was committed.
    """

    def __init__(self, state: S, make: Callable[[S, datetime], U], clock: Clock | None = None) -> None:
        self.state = state
        self.outbox: list[Event] = []
        self._make = make
        self._clock = clock or SystemClock()

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[U]:
        """Rolled back unless committed: an error, or no commit, leaves ``state`` as it was."""
        copied = deepcopy(self.state)
        uow = self._make(copied, self._clock.now())
        yield uow
        if uow.committed:
            self.state = copied
            self.outbox.extend(uow.published)
            for callback in uow.callbacks:
                callback()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[U]:
        """A view of the state as it is now; changes to it are thrown away."""
        yield self._make(deepcopy(self.state), self._clock.now())
