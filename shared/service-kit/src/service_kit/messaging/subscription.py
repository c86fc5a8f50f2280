"""What a service listens to, and which use case each event goes to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Generic, Protocol, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from event_contracts import Event, Topic

U = TypeVar("U")
U_contra = TypeVar("U_contra", contravariant=True)


class EventHandler(Protocol):
    """Reacts to a batch of events inside the transaction that also marks them as handled."""

    async def __call__(self, conn: AsyncConnection, events: Sequence[Event]) -> None:
        """Apply ``events``: only new ones, of subscribed types, in order per key, types mixed.

        Raise to refuse: a transient error is retried for ever; any other is narrowed down to the
        event at fault, tried three times, and then the event's key is parked.
        """
        ...


class EventUseCase(Protocol[U_contra]):
    """A use case that is called with a batch of events; what it returns is not looked at."""

    async def __call__(self, uow: U_contra, events: Sequence[Event], /) -> object:
        """Apply ``events``; the consumer commits. Errors as for :class:`EventHandler`."""
        ...


@dataclass(frozen=True)
class Subscription(Generic[U]):
    """The topics of a service and its table of event types; other events of the topics are passed over.

    ``unit_of_work`` makes the service's unit of work on the transaction that holds the inbox rows.
    """

    topics: tuple[Topic, ...]
    use_cases: Mapping[str, EventUseCase[U]]
    unit_of_work: Callable[[AsyncConnection], U]

    @property
    def types(self) -> frozenset[str]:
        """The names of the events that are handled."""
        return frozenset(self.use_cases)

    async def handle(self, conn: AsyncConnection, events: Sequence[Event]) -> None:
        """Call each event's use case, neighbours of one use case together, in order. See :class:`EventHandler`."""
        uow = self.unit_of_work(conn)
        for use_case, together in groupby(events, key=lambda event: self.use_cases[event.name]):
            await use_case(uow, list(together))
