"""An event log in memory, with partitions, groups, offsets and rebalances: the fake of the port ``EventLog``."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Mapping, Sequence
from zlib import crc32

from service_kit.messaging.event_log import CommitRefused, Headers, OnRevoked, Outbound, Partition, Record


class InMemoryEventLog:
    """One log, shared by its producers and sources. A topic exists once it is used."""

    def __init__(self, partitions: int = 3) -> None:
        self.partitions = partitions
        self.down = False
        """While True, every call of a client fails, as if no broker answered."""
        self.log: dict[Partition, list[Record]] = defaultdict(list)
        self.committed: dict[tuple[str, Partition], int] = {}
        self._members: dict[str, list[InMemorySource]] = defaultdict(list)
        self._grown = asyncio.Condition()

    def producer(self) -> InMemoryProducer:
        """A new producer."""
        return InMemoryProducer(self)

    def source(self, group: str, topics: Sequence[str], on_revoked: OnRevoked) -> InMemorySource:
        """A new member of ``group``."""
        return InMemorySource(self, group, topics, on_revoked)

    def records(self, topic: str) -> list[Record]:
        """All records of a topic, partition by partition."""
        return [record for place, log in sorted(self.log.items()) if place.topic == topic for record in log]

    def rewind(self, group: str) -> None:
        """Forget the group's offsets, as if they were lost: its members start from the beginning."""
        for key in [key for key in self.committed if key[0] == group]:
            del self.committed[key]
        for member in self._members[group]:
            member.positions.clear()

    async def append(self, topic: str, key: bytes | None, value: bytes | None, headers: Headers) -> Record:
        """Append a record to the partition of its key."""
        place = Partition(topic, crc32(key or b"") % self.partitions)
        record = Record(
            topic, place.number, len(self.log[place]), time.time_ns() // 1_000_000, key, value, tuple(headers)
        )
        self.log[place].append(record)
        async with self._grown:
            self._grown.notify_all()
        return record

    def check_up(self) -> None:
        """Raises ConnectionError while the log is ``down``."""
        if self.down:
            raise ConnectionError("the event log is down")

    async def grown(self, timeout: float) -> None:
        """Wait for a new record, at most ``timeout`` seconds."""
        async with self._grown:
            try:
                await asyncio.wait_for(self._grown.wait(), timeout)
            except TimeoutError:
                return

    async def join(self, member: InMemorySource) -> None:
        """Add a member and rebalance the group."""
        await self._rebalance(member.group, [*self._members[member.group], member])

    async def leave(self, member: InMemorySource) -> None:
        """Remove a member and rebalance the group."""
        await self._rebalance(member.group, [other for other in self._members[member.group] if other is not member])

    async def _rebalance(self, group: str, members: list[InMemorySource]) -> None:
        for member in self._members[group]:
            if member.assigned:
                revoked, member.assigned = member.assigned, []
                member.held = revoked
                await member.on_revoked()
                member.held = []
                member.positions.clear()
        self._members[group] = members
        topics = sorted({topic for member in members for topic in member.topics})
        for index, place in enumerate(Partition(topic, n) for topic in topics for n in range(self.partitions)):
            takers = [member for member in members if place.topic in member.topics]
            takers[index % len(takers)].assigned.append(place)


class InMemoryProducer:
    """Appends records at once; each is acknowledged when ``send`` returns."""

    def __init__(self, event_log: InMemoryEventLog) -> None:
        self._event_log = event_log

    async def start(self) -> None:
        """Connect."""
        self._event_log.check_up()

    async def send(self, topic: str, key: bytes | None, value: bytes | None, headers: Headers) -> Awaitable[object]:
        """Append one record."""
        self._event_log.check_up()
        acknowledged: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        acknowledged.set_result(await self._event_log.append(topic, key, value, headers))
        return acknowledged

    async def send_all(self, records: Sequence[Outbound]) -> Sequence[Awaitable[object]]:
        """Append records one by one."""
        return [await self.send(*record) for record in records]

    async def stop(self) -> None:
        """Nothing is queued."""

    async def abandon(self) -> None:
        """Nothing is queued."""


class InMemorySource:
    """A group member; its positions start at what the group has committed."""

    def __init__(self, event_log: InMemoryEventLog, group: str, topics: Sequence[str], on_revoked: OnRevoked) -> None:
        self._event_log = event_log
        self.group = group
        self.topics = list(topics)
        self.on_revoked = on_revoked
        self.assigned: list[Partition] = []
        self.held: list[Partition] = []
        """Partitions that are being revoked: their offsets can still be committed, their records are no longer read."""
        self.positions: dict[Partition, int] = {}

    async def start(self) -> None:
        """Join the group."""
        self._event_log.check_up()
        await self._event_log.join(self)

    async def poll(self, timeout: float, max_records: int) -> list[Record]:
        """The next records of the assigned partitions."""
        deadline = time.monotonic() + timeout
        while True:
            self._event_log.check_up()
            taken: list[Record] = []
            for place in self.assigned:
                position = self._position(place)
                records = self._event_log.log[place][position : position + max_records - len(taken)]
                self.positions[place] = position + len(records)
                taken += records
            if taken or time.monotonic() >= deadline:
                return sorted(taken, key=lambda record: record.timestamp)
            await self._event_log.grown(deadline - time.monotonic())

    async def commit(self, offsets: Mapping[Partition, int]) -> None:
        """Store the offsets of partitions that are assigned or being revoked."""
        if self._event_log.down:
            raise CommitRefused("the event log is down")
        for place, offset in offsets.items():
            if place in self.assigned or place in self.held:
                self._event_log.committed[self.group, place] = offset

    def lag(self) -> int | None:
        """Records not yet polled."""
        return sum(len(self._event_log.log[place]) - self._position(place) for place in self.assigned)

    async def stop(self) -> None:
        """Leave the group."""
        await self._event_log.leave(self)

    def _position(self, place: Partition) -> int:
        return self.positions.get(place, self._event_log.committed.get((self.group, place), 0))
