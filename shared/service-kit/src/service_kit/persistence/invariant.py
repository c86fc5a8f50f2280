"""An invariant: a fact about one service's database, written once as the query that finds what violates it.

Each service lists its own in `invariants.py`. `backorder check`, the chaos run and the service's tests read that list.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from service_kit.persistence.database import Database

Violation = Mapping[str, object]
"""One row that violates an invariant: column → value, as shown to a person."""

Confirm = Callable[["Database", Sequence[Violation]], Awaitable[Sequence[Violation]]]
"""Returns those of the rows that violate the invariant after all. May use the database, but must not change it."""


@dataclass(frozen=True, slots=True)
class Invariant:
    """A fact that holds after every commit or, with `only_at_rest`, whenever all events have been handled."""

    name: str
    """Short, and unique among all services: people and reports refer to the invariant by it."""
    meaning: str
    """One sentence: what holds, and what a shop suffers if it does not."""
    sql: str
    """A query without parameters. Each row it returns is a violation; its columns are what a person is shown."""
    confirm: Confirm | None = None
    """Discards rows that are no violations, where a query alone cannot tell. None: every row is one."""
    only_at_rest: bool = False
    """True if the fact also depends on events that other services have yet to send or this one has yet to handle."""
