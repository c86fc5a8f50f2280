"""The event log as the rest of the kit sees it: a port that Kafka and a fake in memory implement.

Topic names have no prefix here; the implementation adds its own.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import NamedTuple, Protocol


class Partition(NamedTuple):
    """One partition of one topic."""

    topic: str
    number: int


Headers = Sequence[tuple[str, bytes | None]]
"""The headers of a record, in order; a name may occur more than once, and a value may be null."""


class Record(NamedTuple):
    """One record as it was read. A producer may have written anything: nothing of it is known to be sound."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    """Milliseconds since 1970, as its producer stated them."""
    key: bytes | None
    value: bytes | None
    headers: Headers
    fault: str | None = None
    """Why the log's client could not take the record apart; ``value`` is then what was fetched in its place."""


class Outbound(NamedTuple):
    """One record to be written; the key decides its partition, and without one any will do."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers


class CommitRefused(Exception):
    """Offsets were not stored, usually because of a rebalance. Harmless: the records are delivered again."""


class Producer(Protocol):
    """Writes records, in order for each key as long as none fails."""

    async def start(self) -> None:
        """Connect. Raises when no broker answers."""
        ...

    async def send(self, topic: str, key: bytes | None, value: bytes | None, headers: Headers) -> Awaitable[object]:
        """Queue one record. The returned awaitable ends when every replica has it, or raises."""
        ...

    async def send_all(self, records: Sequence[Outbound]) -> Sequence[Awaitable[object]]:
        """Queue records in the order given. They have arrived when all of the returned awaitables have ended.

        If this raises, some of the records may have been queued and may arrive.
        """
        ...

    async def stop(self) -> None:
        """Flush and disconnect."""
        ...

    async def abandon(self) -> None:
        """Disconnect without sending what is still queued: after an error, sending it would break the order."""
        ...


class RecordSource(Protocol):
    """A member of a consumer group."""

    async def start(self) -> None:
        """Connect and join the group. Raises when no broker answers."""
        ...

    async def poll(self, timeout: float, max_records: int) -> list[Record]:
        """Records of the assigned partitions, in order per partition; empty after ``timeout`` seconds."""
        ...

    async def commit(self, offsets: Mapping[Partition, int]) -> None:
        """Store the next offset to read per partition. Raises CommitRefused."""
        ...

    def lag(self) -> int | None:
        """Records of the assigned partitions not yet polled; None while nothing is assigned or known."""
        ...

    async def stop(self) -> None:
        """Leave the group and disconnect."""
        ...


OnRevoked = Callable[[], Awaitable[None]]
"""Awaited before partitions are given up: finish the current batch and commit it."""


class EventLog(Protocol):
    """Makes producers and group members of one event log."""

    def producer(self) -> Producer:
        """A new producer, not yet started."""
        ...

    def source(self, group: str, topics: Sequence[str], on_revoked: OnRevoked) -> RecordSource:
        """A new member of ``group``, not yet started."""
        ...
