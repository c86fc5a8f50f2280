"""Reads the public topics as any consumer may: allocation's decisions, messages sent, the lag of consumers."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import suppress
from types import TracebackType
from typing import Self

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from backorder_local.topics import CONSUMED, TOPICS
from backorder_workload.replay.allocation_history import AllocationHistory
from event_contracts import AllocationState
from event_contracts.envelope import decode, event_name_of

_POLL_SECONDS = 0.05


class NotCaughtUp(TimeoutError):
    """Consumers made no progress for too long; the message names the groups and their lag."""


class Listener:
    """Follows the topics `allocations` and `notifications`, from the records written after it started."""

    def __init__(self, bootstrap: str, history: AllocationHistory) -> None:
        self._history = history
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=bootstrap,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            fetch_max_bytes=8 * 1024 * 1024,
        )
        # A broker serves the requests of a connection one by one: on the other one, offsets would wait for the poll.
        self._offsets = AIOKafkaConsumer(bootstrap_servers=bootstrap)
        self._admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
        self._task: asyncio.Task[None] | None = None
        self._partitions: list[TopicPartition] = []
        self._followed: list[TopicPartition] = []
        self._begin: dict[TopicPartition, int] = {}
        self.events: Counter[str] = Counter()

    async def __aenter__(self) -> Self:
        await self._admin.start()
        await self._offsets.start()
        await self._consumer.start()
        self._partitions = await self._all_partitions()
        self._followed = [place for place in self._partitions if place.topic in ("allocations", "notifications")]
        self._consumer.assign(self._followed)
        self._begin = await self._offsets.end_offsets(self._partitions)
        for place in self._followed:
            self._consumer.seek(place, self._begin[place])
        self._task = asyncio.create_task(self._follow(), name="replay-listener")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        await asyncio.wait_for(self._consumer.stop(), 10)
        await asyncio.wait_for(self._offsets.stop(), 10)
        await self._admin.close()

    async def records_since_start(self) -> Mapping[str, int]:
        """Topic → records written since this listener started."""
        now = await self._offsets.end_offsets(self._partitions)
        written: Counter[str] = Counter()
        for place, offset in now.items():
            written[place.topic] += offset - self._begin[place]
        return written

    async def decided(self, within: float = 120.0) -> None:
        """Wait for every expected decision. Raises NotDecided if none arrives for `within` seconds."""
        waiting = asyncio.create_task(self._history.until_complete(within))
        following = self._task
        await asyncio.wait({waiting, following} if following else {waiting}, return_when=asyncio.FIRST_COMPLETED)
        if not waiting.done():
            waiting.cancel()
            self._raise_if_ended()
        await waiting

    async def caught_up(self, groups: Iterable[str], within: float = 120.0) -> None:
        """Wait until the groups and this listener have read everything, twice in a row with no new records in between.

        Raises NotCaughtUp if there is no progress for `within` seconds.
        """
        loop = asyncio.get_running_loop()
        groups = tuple(groups)
        before: tuple[Mapping[TopicPartition, int], int] | None = None
        deadline = loop.time() + within
        quiet = 0
        while quiet < 2:
            self._raise_if_ended()
            ends, lag = await self._ends_and_lag(groups)
            if before is not None and (ends, lag) != before:
                deadline = loop.time() + within
            quiet = quiet + 1 if lag == 0 and (before is None or ends == before[0]) else 0
            before = (ends, lag)
            if loop.time() > deadline:
                raise NotCaughtUp(f"{', '.join(groups)}: {lag} records unread and no progress for {within:.0f} s")
            await asyncio.sleep(_POLL_SECONDS)

    async def _ends_and_lag(self, groups: Iterable[str]) -> tuple[Mapping[TopicPartition, int], int]:
        ends = await self._offsets.end_offsets(self._partitions)
        lag = 0
        for place in self._followed:
            lag += max(0, ends[place] - await self._consumer.position(place))
        for group in groups:
            committed = await self._admin.list_consumer_group_offsets(group)
            for place in self._partitions:
                if place.topic in CONSUMED[group]:
                    known = committed.get(place)
                    lag += ends[place] - max(0, known.offset if known else 0)
        return ends, lag

    async def _all_partitions(self) -> list[TopicPartition]:
        described = await self._admin.describe_topics(list(TOPICS))
        return [
            TopicPartition(topic["topic"], partition["partition"])
            for topic in described
            for partition in topic["partitions"]
        ]

    async def _follow(self) -> None:
        while True:
            batches = await self._consumer.getmany(timeout_ms=200, max_records=500)
            for place, records in batches.items():
                for record in records:
                    name = event_name_of(record.headers)
                    if name is None:
                        continue
                    self.events[name] += 1
                    if place.topic == "allocations":
                        payload = decode(record.headers, record.value).payload
                        if isinstance(payload, AllocationState):
                            self._history.record(payload)
            # Let the HTTP calls of this loop run between long batches.
            await asyncio.sleep(0)

    def _raise_if_ended(self) -> None:
        if self._task is not None and self._task.done():
            self._task.result()
