"""An attempt: one request to the payment provider, stored before it is sent and known by its id for ever."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class AttemptKind(StrEnum):
    """What is asked of the provider."""

    CHARGE = "charge"
    HOLD = "hold"
    CAPTURE = "capture"
    VOID = "void"
    REFUND = "refund"


class AttemptState(StrEnum):
    """What is known of an attempt. The first four are open: money may still move because of it.

    ``stored``: it may have been sent. ``unknown``: it was sent, and the response was lost. ``pending``: the provider
    works on it. ``action_required``: the customer must authenticate. ``cancelled``: it ended without effect.
    """

    STORED = "stored"
    UNKNOWN = "unknown"
    PENDING = "pending"
    ACTION_REQUIRED = "action_required"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


OPEN = frozenset({AttemptState.STORED, AttemptState.UNKNOWN, AttemptState.PENDING, AttemptState.ACTION_REQUIRED})
"""States in which money may still move."""

TAKING = frozenset({AttemptKind.CHARGE, AttemptKind.HOLD})
"""Attempts that ask the customer's bank, which may decline or want the customer to authenticate."""

CAPTURING = frozenset({AttemptKind.CHARGE, AttemptKind.CAPTURE})
"""Attempts that take money."""


class HoldEnd(StrEnum):
    """How a hold ended."""

    CAPTURED = "captured"
    VOIDED = "voided"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the provider says of an attempt.

    ``reference`` is the provider's id of the object. ``reason`` is the provider's code of a decline. ``ends_at`` is
    when a hold can no longer be captured, ``action_url`` where the customer authenticates.
    """

    state: AttemptState
    reference: str | None = None
    reason: str | None = None
    ends_at: datetime | None = None
    action_url: str | None = None


NOT_MADE = "not_made"
"""The reason of an attempt that the provider never received."""


@dataclass(slots=True)
class Attempt:
    """One request to the provider; ``attempt_id`` is its idempotency key. ``amount`` is in minor units.

    ``units`` are those that a charge or capture pays in full, or a hold secures. ``of`` is the attempt whose money a
    capture, void or refund is about. ``hold_end`` tells how a hold ended; None: it stands, or never stood.
    ``look_at`` is when an open attempt is looked at next, after ``looks`` times.
    """

    attempt_id: str
    kind: AttemptKind
    amount: int
    created_at: datetime
    units: Mapping[str, int] = field(default_factory=dict)
    of: str | None = None
    method: str | None = None
    state: AttemptState = AttemptState.STORED
    reference: str | None = None
    reason: str | None = None
    ends_at: datetime | None = None
    action_url: str | None = None
    hold_end: HoldEnd | None = None
    outside: bool = False
    looks: int = 0
    look_at: datetime | None = None

    @property
    def open(self) -> bool:
        """Whether money may still move because of it."""
        return self.state in OPEN

    @property
    def succeeded(self) -> bool:
        """Whether it did what it asked for."""
        return self.state is AttemptState.SUCCEEDED

    @property
    def stands(self) -> bool:
        """Whether it is a hold that was made and has not ended, as far as is known."""
        return self.kind is AttemptKind.HOLD and self.succeeded and self.hold_end is None

    def holds_at(self, at: datetime) -> bool:
        """Whether it is a hold that can be captured ``at`` this moment."""
        return self.stands and not has_lapsed(self.ends_at, at)


def has_lapsed(ends_at: datetime | None, at: datetime) -> bool:
    """Whether a hold that ends ``ends_at`` cannot be captured any more ``at`` this moment."""
    return ends_at is not None and at >= ends_at
