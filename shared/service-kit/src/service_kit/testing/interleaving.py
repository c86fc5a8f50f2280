"""A simulated Kafka under the real handlers: every order of events that the real one may show, by seed.

Records keep their order per partition and nothing more. A relay may die between acknowledgement and
delete (the rows are sent again), a worker before its commit (nothing happened) or before its offset
commit (the batch comes again), and a group may be set back to offset 0. Databases, outbox, inbox and
handlers are the real ones.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from random import Random
from typing import Any

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY, BIGINT

from event_contracts import Event
from event_contracts.envelope import decode
from service_kit.messaging.header_packing import unpack_headers
from service_kit.messaging.inbox import insert_new
from service_kit.messaging.subscription import Subscription
from service_kit.persistence.database import Database

Partition = tuple[str, int]


class Fate(Enum):
    """What becomes of a worker's turn."""

    DONE = "done"
    DIES_BEFORE_COMMIT = "dies before the database commit"
    DIES_BEFORE_OFFSETS = "dies after the database commit, before the offset commit"


class WorkerDied(Exception):
    """Raised inside a turn's transaction so that it rolls back, as a killed process does."""


@dataclass(frozen=True, slots=True)
class Link:
    """One consumer group: a service's subscription on its database."""

    group: str
    database: Database
    subscription: Subscription[Any]


class SimulatedTopics:
    """Partitioned logs, and the positions of every group in them."""

    def __init__(self, random: Random, *, partitions: int = 3) -> None:
        self._random = random
        self._count = partitions
        # The hash of a key that is a random id would give each run other partitions: a seed would replay nothing.
        self._partition_draw = Random(random.getrandbits(64))  # noqa: S311 - it draws histories
        self._partition_of: dict[tuple[str, str], int] = {}
        self._logs: dict[Partition, list[Event]] = defaultdict(list)
        self._positions: dict[tuple[str, Partition], int] = defaultdict(int)

    async def relay(self, database: Database, *, most: int = 500, dies_before_delete: bool = False) -> int:
        """Send up to ``most`` outbox rows in id order; the number sent."""
        async with database.transaction() as conn:
            rows = (await conn.execute(_UNSENT, {"most": most})).all()
            for row in rows:
                event = decode(unpack_headers(row.headers), row.value)
                self._logs[(row.topic, self._partition(row.topic, row.key))].append(event)
            if rows and not dies_before_delete:
                await conn.execute(_DELETE, {"ids": [row.id for row in rows]})
        return len(rows)

    def publish(self, event: Event) -> None:
        """Put the event of a service that does not take part at the end of its partition."""
        topic = event.type.topic.value
        self._logs[(topic, self._partition(topic, event.key))].append(event)

    def records(self, topic: str) -> list[Event]:
        """Everything that was sent to a topic, each partition in its order."""
        return [event for number in range(self._count) for event in self._logs[(topic, number)]]

    def _partition(self, topic: str, key: str) -> int:
        """The partition of a key, drawn when the key is first seen; it stays the key's for ever."""
        place = (topic, key)
        if place not in self._partition_of:
            self._partition_of[place] = self._partition_draw.randrange(self._count)
        return self._partition_of[place]

    def partitions(self, link: Link) -> list[Partition]:
        """All partitions of the topics a group reads."""
        return [(topic.value, number) for topic in link.subscription.topics for number in range(self._count)]

    def lag(self, link: Link) -> int:
        """Records the group has not committed yet."""
        return sum(len(self._logs[p]) - self._positions[(link.group, p)] for p in self.partitions(link))

    def rewind(self, link: Link) -> None:
        """Set the group back to offset 0 on every partition."""
        for partition in self.partitions(link):
            self._positions[(link.group, partition)] = 0

    async def turn(
        self,
        link: Link,
        *,
        assigned: Iterable[Partition] | None = None,
        most: int = 20,
        fate: Fate = Fate.DONE,
        skip_inbox: bool = False,
    ) -> int:
        """One batch of one worker: fetch, inbox and handler in one transaction, offsets; records handled.

        ``skip_inbox`` hands the handler what it has seen already: what a consumer meets whose inbox
        was purged before the topic.
        """
        batch, reached = self._fetch(link, list(assigned) if assigned is not None else self.partitions(link), most)
        if not batch:
            return 0
        wanted = [event for event in batch if event.name in link.subscription.types]
        try:
            async with link.database.transaction() as conn:
                new = await insert_new(conn, link.group, wanted)
                fresh = wanted if skip_inbox else new
                if fresh:
                    await link.subscription.handle(conn, fresh)
                if fate is Fate.DIES_BEFORE_COMMIT:
                    raise WorkerDied
        except WorkerDied:
            return 0
        if fate is not Fate.DIES_BEFORE_OFFSETS:
            for partition, offset in reached.items():
                self._positions[(link.group, partition)] = offset
        return len(batch)

    def _fetch(self, link: Link, assigned: list[Partition], most: int) -> tuple[list[Event], dict[Partition, int]]:
        reached = {p: self._positions[(link.group, p)] for p in assigned}
        batch: list[Event] = []
        while len(batch) < most:
            ready = [p for p in assigned if reached[p] < len(self._logs[p])]
            if not ready:
                break
            chosen = self._random.choice(ready)
            run = self._random.randint(1, 4)
            batch.extend(self._logs[chosen][reached[chosen] : reached[chosen] + run])
            reached[chosen] = min(reached[chosen] + run, len(self._logs[chosen]))
        return batch, reached


_UNSENT = text("SELECT id, topic, key, headers, value FROM outbox ORDER BY id LIMIT :most")
_DELETE = text("DELETE FROM outbox WHERE id = ANY(:ids)").bindparams(bindparam("ids", type_=ARRAY(BIGINT)))
