"""What is being reacted to right now, so that events made meanwhile can name it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from event_contracts import Event


@dataclass(frozen=True, slots=True)
class Cause:
    """The event, or the request, that makes this process act."""

    correlation_id: str
    causation_id: str | None = None
    traceparent: str | None = None


current_cause: ContextVar[Cause | None] = ContextVar("current_cause", default=None)
"""Set by the consumer when a turn holds a single event, by HTTP for a request, by ``causing`` in handlers."""


@contextmanager
def causing(event: Event) -> Iterator[None]:
    """Within the block, events published without a correlation or causation of their own get this event's."""
    token = current_cause.set(Cause(event.correlation_id, event.id, event.traceparent))
    try:
        yield
    finally:
        current_cause.reset(token)
