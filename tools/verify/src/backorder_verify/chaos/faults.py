"""The faults that a chaos run injects, drawn at random by seed."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from contextlib import suppress

import asyncpg
import psutil

from backorder_local.local_parts import answers_ready
from backorder_verify.chaos.database_faults import password_rotated, read_only
from backorder_verify.chaos.fleet import Fleet, Replica, becomes_true
from service_kit.runtime.failpoints import EXIT_CODE

SERVICE = "service killed"
RELAY = "relay's lock holder killed"
BROKER = "broker killed"
POSTGRES = "PostgreSQL stopped at once"
FREEZE = "frozen"
READ_ONLY = "database read-only"
ROTATION = "password rotated"
_AT = "killed at "
_HANDLER_POINTS = ("mid_handler", "before_db_commit", "after_db_commit", "before_offset_commit")
_RELAY_POINTS = ("relay_after_ack", "relay_mid_batch")
_PAYMENT_POINTS = ("payment_attempt_stored", "payment_provider_answered")
DECK = (
    *(SERVICE,) * 3, *(RELAY,) * 2, BROKER, POSTGRES, FREEZE, READ_ONLY, ROTATION,
    *(_AT + point for point in (*_HANDLER_POINTS, *_RELAY_POINTS, *_PAYMENT_POINTS)),
)  # fmt: skip
"""The kinds of faults of a run, each as often as it is meant to come up."""
_NOT_REACHED = "killed, failpoint not reached"

_REACHED_WITHIN = 20.0
_DATABASE_FAULT_SECONDS = 5.0
_LOCK_CLASS = 0x6F757462  # first half of the key of a relay's advisory lock
_LOCK_HOLDERS = """
    SELECT activity.client_port FROM pg_locks JOIN pg_stat_activity activity USING (pid)
    WHERE locktype = 'advisory' AND granted AND classid = $1 AND client_port IS NOT NULL ORDER BY client_port
"""


class Faults:
    """Draws faults from shuffled decks, so that a run of any length has each kind about as often as intended."""

    def __init__(self, fleet: Fleet, seed: int, freeze_seconds: float) -> None:
        self._fleet, self._freeze_seconds = fleet, freeze_seconds
        # Which process is hit depends on which ones run at that moment; the kinds and their order depend on the seed.
        self._shuffle, self._pick = random.Random(f"deck:{seed}"), random.Random(f"victims:{seed}")
        self._deck: list[str] = []
        self._broker, self._postgres = asyncio.Lock(), asyncio.Lock()
        self.harmed_at = 0.0
        """When the last fault was injected or, for a frozen process, ended; monotonic clock."""

    def draw(self) -> str:
        """The next kind of fault."""
        if not self._deck:
            self._deck = list(DECK)
            self._shuffle.shuffle(self._deck)
        return self._deck.pop()

    async def strike(self, kind: str) -> str:
        """Inject a fault; several may be under way at once.

        Returns the kind that was really injected, once the servers run again and nothing is frozen. Killed replicas
        are restarted by the fleet.
        """
        if kind == BROKER:
            async with self._broker:
                self._fleet.kafka.kill()
                self._harmed()
                await self._fleet.restart_server(self._fleet.kafka)
        elif kind == POSTGRES:
            async with self._postgres:
                self._fleet.stop_postgres_at_once()
                self._harmed()
                await asyncio.sleep(self._pick.uniform(0, 1.5))
                await self._fleet.restart_server(self._fleet.postgres)
        elif kind in (READ_ONLY, ROTATION):
            await self._database_fault(kind)
        elif kind == FREEZE:
            await self._freeze(await self._victim())
        elif kind.startswith(_AT):
            return await self._at_failpoint(kind)
        else:
            found = await self._lock_holder() if kind == RELAY else None
            if found is None:
                kind, found = SERVICE, await self._victim()
            self._fleet.kill(found)
            self._harmed()
        return kind

    async def _database_fault(self, kind: str) -> None:
        """One service's database refuses writes, or its password, for some seconds; PostgreSQL runs all the while."""
        fault = read_only if kind == READ_ONLY else password_rotated
        app_url = self._pick.choice(self._fleet.app_urls())
        async with self._postgres:
            await fault(self._fleet.postgres.url, app_url, _DATABASE_FAULT_SECONDS)
            self._harmed()

    def _harmed(self) -> None:
        self.harmed_at = time.monotonic()

    async def _victim(self, *services: str) -> Replica:
        """Any replica, or one of these services, that runs and that no other fault works on."""
        while True:
            free = [each for each in self._fleet.replicas if each.is_running and not each.held]
            free = [each for each in free if not services or each.service.name in services]
            if free:
                return self._pick.choice(free)
            await asyncio.sleep(0.1)

    async def _freeze(self, replica: Replica) -> None:
        """Send SIGSTOP and, after a while, SIGCONT."""
        if replica.child is None:
            return
        replica.held, pid = True, replica.child.pid
        os.killpg(pid, signal.SIGSTOP)
        try:
            await asyncio.sleep(self._freeze_seconds)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGCONT)
            replica.held = False
            self._harmed()

    async def _lock_holder(self) -> Replica | None:
        """A replica whose relay holds its lock, found by the lock's connection; None if there is none."""
        try:
            admin = await asyncpg.connect(self._fleet.postgres.url, timeout=5)
            try:
                ports = [row["client_port"] for row in await admin.fetch(_LOCK_HOLDERS, _LOCK_CLASS)]
            finally:
                await admin.close()
        except (OSError, asyncpg.PostgresError, TimeoutError):
            return None
        owners = {port: each for each in self._fleet.replicas if not each.held for port in _local_ports(each)}
        leading = [owners[port] for port in ports if port in owners]
        return self._pick.choice(leading) if leading else None

    async def _at_failpoint(self, kind: str) -> str:
        """Replace a process by one that dies at the failpoint, and wait until it does."""
        point = kind.removeprefix(_AT)
        victim = await self._victim(*(("order",) if point in _PAYMENT_POINTS else ()))
        victim.held = True
        try:
            await self._fleet.stop_gracefully(victim)
            times = 1 if point in (*_RELAY_POINTS, *_PAYMENT_POINTS) else self._pick.randint(1, 3)
            self._fleet.spawn(victim, failpoint=f"{point}:{times}")
            if point in _RELAY_POINTS:
                await self._become_leader(victim)
            reached = await self._has_died(victim)
            self._fleet.kill(victim)
            self._harmed()
        finally:
            victim.held = False
        return kind if reached else _NOT_REACHED

    async def _become_leader(self, armed: Replica) -> None:
        """Kill the other replicas of the service once the armed one is ready, so that its relay gets the lock."""
        await becomes_true(lambda: answers_ready(armed.port) or not armed.is_running, _REACHED_WITHIN)
        await asyncio.sleep(0.5)  # by then its relay waits for the lock
        for other in self._fleet.replicas:
            if other.service is armed.service and other is not armed and not other.held:
                self._fleet.kill(other)

    async def _has_died(self, replica: Replica) -> bool:
        await becomes_true(lambda: not replica.is_running, _REACHED_WITHIN)
        return replica.child is not None and replica.child.exit_code() == EXIT_CODE


def _local_ports(replica: Replica) -> set[int]:
    """Local ports of the process's connections; empty if it has none yet."""
    if replica.child is None or not replica.is_running:
        return set()
    try:
        connections = psutil.Process(replica.child.pid).net_connections("tcp")
    except psutil.Error:
        return set()
    return {one.laddr.port for one in connections if one.raddr}
