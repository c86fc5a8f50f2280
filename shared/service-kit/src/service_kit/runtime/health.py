"""Whether this process lives, may be sent requests, and has started."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from time import monotonic
from typing import NamedTuple

Check = Callable[[], Awaitable[None]]
"""Raises if what it checks cannot be used."""

_CHECK_TIMEOUT = 3.0
_RECENT = 1.0
"""Seconds for which a check is remembered where everybody may ask."""


class HealthState(NamedTuple):
    """What keeps a process from being ready, and what somebody has to look at, each with the kind of error."""

    failures: dict[str, str]
    warnings: dict[str, str]


@dataclass
class Health:
    """The state behind ``/livez``, ``/readyz`` and ``/startupz`` of one process.

    ``watch`` names a part that must ``beat`` at least every ``limit`` seconds. If it falls silent, the process is
    reported as not alive, so that an orchestrator restarts it. Kafka is not part of readiness: while it is away, the
    outbox keeps what cannot be sent.
    """

    started: bool = False
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    checks: dict[str, Check] = field(default_factory=dict)
    notices: dict[str, Check] = field(default_factory=dict)
    """Like ``checks``, of what somebody has to look at although requests may come: ``/readyz`` warns of it."""
    _limits: dict[str, float] = field(default_factory=dict)
    _beats: dict[str, float] = field(default_factory=dict)
    _checking: asyncio.Future[HealthState] | None = None
    _checked_at: float = 0.0

    def watch(self, part: str, limit: float) -> None:
        """From now on ``part`` must beat every ``limit`` seconds."""
        self._limits[part] = limit
        self._beats[part] = monotonic()

    def beat(self, part: str) -> None:
        """``part`` is working."""
        self._beats[part] = monotonic()

    def forget(self, part: str) -> None:
        """``part`` has ended as it should and is no longer watched."""
        self._limits.pop(part, None)
        self._beats.pop(part, None)

    def silent_parts(self) -> dict[str, float]:
        """Parts whose last beat is longer ago than their limit, with the seconds since."""
        now = monotonic()
        silence = {part: now - self._beats[part] for part in self._limits}
        return {part: seconds for part, seconds in silence.items() if seconds > self._limits[part]}

    async def failures(self) -> dict[str, str]:
        """The readiness checks that fail, with the kind of error; empty if the process is ready for requests."""
        if self.stopping.is_set():
            return {"shutdown": "in progress"}
        if not self.started:
            return {"startup": "in progress"}
        return await self._failing(self.checks)

    async def warnings(self) -> dict[str, str]:
        """What somebody has to look at, as ``failures`` has it."""
        return await self._failing(self.notices) if self.started and not self.stopping.is_set() else {}

    async def _failing(self, checks: Mapping[str, Check]) -> dict[str, str]:
        outcomes = await asyncio.gather(*(self._failure(check) for check in checks.values()))
        return {name: failure for name, failure in zip(checks, outcomes, strict=True) if failure is not None}

    async def state(self) -> HealthState:
        """Failures and warnings as they are now; of a process that fails there is nothing to warn of as well."""
        failures = await self.failures()
        return HealthState(failures, {} if failures else await self.warnings())

    async def recent_state(self) -> HealthState:
        """What ``state`` said within the last second; however many ask, one of them has it checked."""
        if self.stopping.is_set() or not self.started:
            return await self.state()
        if self._checking is None or (self._checking.done() and monotonic() - self._checked_at > _RECENT):
            self._checking = asyncio.ensure_future(self.state())
            self._checking.add_done_callback(lambda _: self._note_time())
        return await asyncio.shield(self._checking)

    def _note_time(self) -> None:
        self._checked_at = monotonic()

    @staticmethod
    async def _failure(check: Check) -> str | None:
        try:
            async with asyncio.timeout(_CHECK_TIMEOUT):
                await check()
        except Exception as error:
            # The kind only: messages of drivers name hosts and users.
            return str(error) if isinstance(error, NotReady) else type(error).__name__
        return None


class NotReady(Exception):
    """Raised by a check; its text is shown to callers of ``/readyz``."""
