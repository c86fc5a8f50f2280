"""Starts a table of parts in the order of their needs, keeps them running, and always stops them.

The supervisor is one loop in the main thread. Only waiting happens in other threads (preparing, probing):
children are spawned by the main thread, since the kernel ends them with the thread that spawned them.
"""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum

from backorder_local.log_files import rotate_log
from backorder_local.processes import Child, Program, log_tail

_ROTATE_EVERY = 10.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 10.0
_ATTEMPTS_AT_START = 3
# A part that stayed healthy this long starts again without delay.
_STEADY_AFTER = 30.0


class PartFailed(RuntimeError):
    """A part did not become healthy at the start of the system; the message shows the end of its log."""


class State(StrEnum):
    """What a part is doing."""

    WAITING = "waiting"
    PREPARING = "preparing"
    STARTING = "starting"
    HEALTHY = "healthy"
    DONE = "done"
    RESTARTING = "restarting"
    STOPPED = "stopped"


@dataclass(frozen=True)
class Part:
    """A program that runs for as long as the system does, or (`is_ready` is None) a task that ends with 0.

    `prepare` is called before every start, in a thread, once all parts it `needs` are healthy or done.
    """

    name: str
    prepare: Callable[[], Program]
    is_ready: Callable[[], bool] | None
    needs: tuple[str, ...] = ()
    port: Callable[[], int | None] = lambda: None
    start_within: float = 60.0


class SupervisedPart:
    """A part and what has become of it."""

    def __init__(self, part: Part) -> None:
        self.part = part
        self.state = State.WAITING
        self.child: Child | None = None
        self.restarts = 0
        self.last_end: str | None = None
        self.since = time.time()
        self.was_healthy = False
        self.attempts = 0
        self.deadline = 0.0
        self.resume_at = 0.0
        self.preparing: Future[Program] | None = None
        self.probe: Future[bool] | None = None

    @property
    def is_up(self) -> bool:
        return self.state in (State.HEALTHY, State.DONE)

    def describe(self) -> dict[str, object]:
        """The part as `parts.json` shows it."""
        running = self.child is not None and self.child.exit_code() is None
        return {
            "name": self.part.name,
            "state": str(self.state),
            "pid": self.child.pid if self.child and running else None,
            "pid_since": self.child.started_at if self.child and running else None,
            "port": self.part.port(),
            "restarts": self.restarts,
            "since": self.since,
            "last_end": self.last_end,
            "log": str(self.child.program.log) if self.child else None,
        }


class Supervisor:
    """Runs the parts until `stop` is called (from a signal handler, say)."""

    def __init__(
        self,
        parts: Sequence[Part],
        *,
        say: Callable[[str], None],
        record: Callable[[list[dict[str, object]]], None],
        when_up: Callable[[], None] = lambda: None,
    ) -> None:
        self._parts = {part.name: SupervisedPart(part) for part in parts}
        self._say, self._record, self._when_up = say, record, when_up
        self._pool = ThreadPoolExecutor(max_workers=max(4, 2 * len(parts)), thread_name_prefix="supervisor")
        self._stopping = False
        self._announced = False
        self._began = time.monotonic()
        self._next_rotation = self._began + _ROTATE_EVERY

    def stop(self) -> None:
        """Ask `run` to stop every part and return."""
        self._stopping = True

    def run(self) -> None:
        """Start everything, watch it until `stop`, then stop everything. Raises PartFailed from the start."""
        try:
            while not self._stopping:
                for supervised in self._parts.values():
                    self._advance(supervised)
                if not self._announced and all(part.is_up for part in self._parts.values()):
                    self._announced = True
                    self._when_up()
                    self._say(f"everything is up after {time.monotonic() - self._began:.1f} s")
                self._rotate_logs()
                time.sleep(0.1 if self._announced else 0.02)
        finally:
            self._stop_all()

    def _rotate_logs(self) -> None:
        if time.monotonic() < self._next_rotation:
            return
        self._next_rotation = time.monotonic() + _ROTATE_EVERY
        for part in self._parts.values():
            if part.child is not None:
                rotate_log(part.child.program.log)

    def _advance(self, part: SupervisedPart) -> None:
        match part.state:
            case State.WAITING:
                if all(self._parts[name].is_up for name in part.part.needs):
                    self._prepare(part)
            case State.RESTARTING:
                if time.monotonic() >= part.resume_at:
                    self._prepare(part)
            case State.PREPARING:
                self._spawn_when_prepared(part)
            case State.STARTING:
                self._watch_start(part)
            case State.HEALTHY:
                if part.child is not None and part.child.exit_code() is not None:
                    self._fell(part, how_it_ended(part.child))
            case State.DONE | State.STOPPED:
                pass

    def _prepare(self, part: SupervisedPart) -> None:
        part.attempts += 1
        part.preparing = self._pool.submit(part.part.prepare)
        self._move(part, State.PREPARING)

    def _spawn_when_prepared(self, part: SupervisedPart) -> None:
        assert part.preparing is not None  # noqa: S101 - set by _prepare
        if not part.preparing.done():
            return
        if (error := part.preparing.exception()) is not None:
            self._fell(part, f"could not be prepared: {error}")
            return
        try:
            part.child = Child(part.preparing.result())
        except OSError as error:
            self._fell(part, f"could not be started: {error}")
            return
        part.deadline = time.monotonic() + part.part.start_within
        part.probe = None
        self._move(part, State.STARTING)

    def _watch_start(self, part: SupervisedPart) -> None:
        assert part.child is not None  # noqa: S101 - set by _spawn_when_prepared
        if (code := part.child.exit_code()) is not None:
            if code == 0 and part.part.is_ready is None:
                self._move(part, State.DONE)
            else:
                self._fell(part, how_it_ended(part.child))
        elif time.monotonic() > part.deadline:
            part.child.kill()
            self._fell(part, f"was not ready within {part.part.start_within:.0f} s")
        elif part.part.is_ready is not None:
            if part.probe is None:
                part.probe = self._pool.submit(part.part.is_ready)
            elif part.probe.done():
                if part.probe.exception() is None and part.probe.result():
                    self._became_healthy(part)
                part.probe = None

    def _became_healthy(self, part: SupervisedPart) -> None:
        part.was_healthy = True
        self._move(part, State.HEALTHY)
        port = f" on port {part.part.port()}" if part.part.port() else ""
        again = " again" if part.restarts else ""
        self._say(f"{part.part.name} is up{again}{port}")

    def _fell(self, part: SupervisedPart, why: str) -> None:
        part.last_end = why
        if not part.was_healthy and part.attempts >= _ATTEMPTS_AT_START:
            tail = log_tail(part.child.program.log) if part.child else ""
            raise PartFailed(f"{part.part.name} {why}\n{tail}")
        if part.state is State.HEALTHY and time.time() - part.since > _STEADY_AFTER:
            part.attempts = 0
        pause = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2**part.attempts)
        part.restarts += 1
        part.resume_at = time.monotonic() + pause
        self._say(f"{part.part.name} {why}; starting it again in {pause:.1f} s")
        self._move(part, State.RESTARTING)

    def _move(self, part: SupervisedPart, state: State) -> None:
        part.state = state
        part.since = time.time()
        self._record([each.describe() for each in self._parts.values()])

    def _stop_all(self) -> None:
        """Stop dependents before what they need; parts of one depth together, each within its own limit."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        for depth in sorted({self._depth(name) for name in self._parts}, reverse=True):
            level = [part for name, part in self._parts.items() if self._depth(name) == depth]
            children = [part.child for part in level if part.child is not None]
            began = time.monotonic()
            for child in children:
                child.ask_to_stop()
            for child in children:
                if not child.wait(max(0.0, began + child.program.stop_within - time.monotonic())):
                    self._say(f"{child.program.name} did not stop within {child.program.stop_within:.0f} s: killed")
                child.kill()  # also what it may have left in its process group
            for part in level:
                self._move(part, State.STOPPED)

    def _depth(self, name: str) -> int:
        needs = self._parts[name].part.needs
        return 1 + max(map(self._depth, needs)) if needs else 0


def how_it_ended(child: Child) -> str:
    """ "ended with 1", "was ended by signal 9"."""
    code = child.exit_code() or 0
    return f"ended with {code}" if code >= 0 else f"was ended by signal {-code}"
