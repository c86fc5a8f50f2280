"""What a service listens to, and the shape of the code that reacts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncConnection

from event_contracts import Event, Topic


class EventHandler(Protocol):
    """Reacts to a batch of events inside the transaction that also marks them as handled."""

    async def __call__(self, conn: AsyncConnection, events: Sequence[Event]) -> None:
        """Apply ``events``: only new ones, of subscribed types, in order per key, types mixed.

        Raise to refuse: a transient error is retried for ever; any other is narrowed down to the
        event at fault, tried three times, and then the event's key is parked.
        """
        ...


@dataclass(frozen=True)
class Subscription:
    """The topics and event names that a service handles; other events of the topics are passed over."""

    topics: tuple[Topic, ...]
    types: frozenset[str]
    handler: EventHandler
