"""The cause of what a process is doing, so that the events it publishes meanwhile can name it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from event_contracts import Event


@dataclass(frozen=True, slots=True)
class Cause:
    """The event or the request that the process reacts to."""

    correlation_id: str
    causation_id: str | None = None
    traceparent: str | None = None


current_cause: ContextVar[Cause | None] = ContextVar("current_cause", default=None)
"""Set by the consumer while it handles a single event, by HTTP during a request, and by ``causing``."""


@contextmanager
def causing(event: Event) -> Iterator[None]:
    """Within the block, events without a correlation or causation id of their own are published with this event's."""
    token = current_cause.set(Cause(event.correlation_id, event.id, event.traceparent))
    try:
        yield
    finally:
        current_cause.reset(token)
