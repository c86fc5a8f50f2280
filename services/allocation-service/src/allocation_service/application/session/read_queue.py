"""What a transaction has read of a SKU's queue, and what it knows of the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from allocation_service.domain.policies.policy import Key


class Unread(NamedTuple):
    """Places of one tier that were not read: none of them stands before ``key`` or is older than ``oldest``."""

    key: Key
    tier_rank: int
    oldest: datetime


@dataclass(slots=True)
class Queue:
    """The part of a SKU's queue that has been read, in the order it is served. Stale entries are skipped.

    It was read up to ``horizon``, or, where no index has its order, all but ``unread``.
    """

    entries: list[tuple[Key, str, datetime]]
    complete: bool
    horizon: Key | None
    limit: int
    unread: Sequence[Unread] = ()
    places: dict[tuple[str, datetime], Key] = field(default_factory=dict)
    """Where each place stands now: a line that moved has left the others."""
    sorted_at: datetime | None = None
    """The moment that ``unread`` was told for."""
