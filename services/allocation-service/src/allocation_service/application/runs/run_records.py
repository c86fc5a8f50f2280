"""Runs, their lines and pins, as they are kept."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal, NamedTuple

from allocation_service.domain.runs.run import LeftAlone, Segment
from allocation_service.domain.runs.run_exceptions import LineException
from allocation_service.domain.runs.run_progress import Progress

LineChange = Literal["changed", "gains", "losses", "exceptions", "left_alone"]
"""Which lines of a run are asked for."""


class Run(NamedTuple):
    """A run: what it is about, how far it has got, and what it does in sum.

    ``status`` is planning, previewed, committed, refused or failed; ``progress`` says what is being planned, or why
    that failed, and is None before; text that is no code is shown as it is stored. ``changes`` says why it was refused.
    """

    run_id: str
    name: str
    status: str
    progress: Progress | str | None
    segments: tuple[Segment, ...]
    summary: dict[str, Any] | None
    digest: str | None
    as_of: datetime | None
    created_by: str
    created_at: datetime
    expires_at: datetime | None
    closed_by: str | None
    closed_at: datetime | None
    decision_id: str | None
    changes: dict[str, Any] | None


class RunLine(NamedTuple):
    """What a run does to a line, with what is known of its order now. Units that have shipped are not counted."""

    position: int
    line_id: str
    order_id: str
    reference: str
    customer_id: str | None
    tier: str | None
    sku: str
    segment: int
    requested: int
    confirmed: int
    new: int
    unit_value: int
    promise_before: date | None
    promise_after: date | None
    exception: LineException | str | None
    """What a person has to resolve; text that is no code is shown as it is stored, as it is in ``left_alone``."""
    left_alone: LeftAlone | str | None
    """Why the run leaves the line alone."""


class Known(NamedTuple):
    """A line that took part in the preview."""

    sku: str
    requested: int
    confirmed: int


class Pin(NamedTuple):
    """A line that a person fixed, so that runs leave it alone."""

    line_id: str
    reason: str
    pinned_by: str
    pinned_at: datetime
