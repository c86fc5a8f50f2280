"""The supervisor, on stand-in programs: what dies is started again, and everything always stops."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import psutil
import pytest

from backorder_local.leftovers import end_leftovers
from backorder_local.local_parts import answers_ready
from backorder_local.ports import free_port, is_free
from backorder_local.processes import Program
from backorder_local.supervisor import Part, PartFailed, Supervisor

STAND_IN = Path(__file__).parent / "programs" / "stand_in.py"


def stand_in(
    name: str,
    directory: Path,
    *arguments: str,
    needs: tuple[str, ...] = (),
    within: float = 5.0,
    program: Path = STAND_IN,
) -> Part:
    port = free_port()
    command = Program(
        name=name,
        argv=(sys.executable, str(program), str(port), *arguments),
        log=directory / f"{name}.log",
        stop_within=1.0,
    )
    return Part(name, lambda: command, partial(answers_ready, port), needs, port=lambda: port, start_within=20)


class Observer:
    """Hears what the supervisor says and records, and acts on it from the supervisor's own loop."""

    def __init__(self, when: Callable[["Observer"], None]) -> None:
        self.said: list[str] = []
        self.parts: dict[str, dict[str, object]] = {}
        self.states: dict[str, list[str]] = {}
        self._when = when
        self.supervisor: Supervisor | None = None

    def say(self, text: str) -> None:
        self.said.append(text)

    def record(self, parts: list[dict[str, object]]) -> None:
        for part in parts:
            name = str(part["name"])
            history = self.states.setdefault(name, [])
            if not history or history[-1] != part["state"]:
                history.append(str(part["state"]))
            self.parts[name] = part
        self._when(self)

    def stop(self) -> None:
        assert self.supervisor is not None
        self.supervisor.stop()


def supervise(parts: list[Part], when: Callable[[Observer], None], up: Callable[[Observer], None]) -> Observer:
    observer = Observer(when)
    observer.supervisor = Supervisor(parts, say=observer.say, record=observer.record, when_up=lambda: up(observer))
    observer.supervisor.run()
    return observer


def nothing(_: Observer) -> None:
    pass


def test_a_part_starts_only_when_what_it_needs_is_healthy(tmp_path: Path) -> None:
    def check(observer: Observer) -> None:
        if observer.parts["second"]["pid"]:
            assert observer.parts["first"]["state"] in ("healthy", "stopped")

    parts = [stand_in("second", tmp_path, needs=("first",)), stand_in("first", tmp_path)]
    observer = supervise(parts, check, Observer.stop)
    assert observer.states["second"] == ["waiting", "preparing", "starting", "healthy", "stopped"]


def test_a_part_that_dies_is_named_and_runs_again_on_its_port(tmp_path: Path) -> None:
    killed: list[int] = []

    def kill_once(observer: Observer) -> None:
        pid = int(str(observer.parts["mortal"]["pid"]))
        killed.append(pid)
        os.kill(pid, signal.SIGKILL)

    def stop_when_back(observer: Observer) -> None:
        part = observer.parts["mortal"]
        if killed and part["state"] == "healthy" and part["pid"] != killed[0]:
            observer.stop()

    parts = [stand_in("mortal", tmp_path), stand_in("other", tmp_path)]
    observer = supervise(parts, stop_when_back, kill_once)
    assert any("mortal was ended by signal 9" in line for line in observer.said)
    assert observer.parts["mortal"]["restarts"] == 1
    assert observer.states["other"][-2:] == ["healthy", "stopped"], "the others are left alone"


def test_a_part_that_cannot_start_ends_the_start_with_its_log_and_stops_the_others(tmp_path: Path) -> None:
    parts = [stand_in("fine", tmp_path), stand_in("broken", tmp_path, "--crash")]
    with pytest.raises(PartFailed, match=r"broken ended with 1[\s\S]*out of luck"):
        supervise(parts, nothing, nothing)
    assert is_free(parts[0].port() or 0), "what had started is stopped again"


def test_a_part_that_never_becomes_ready_ends_the_start(tmp_path: Path) -> None:
    silent = Program("silent", ("sleep", "60"), tmp_path / "silent.log")
    part = Part("silent", lambda: silent, lambda: False, start_within=0.2)
    with pytest.raises(PartFailed, match="silent was not ready within"):
        supervise([part], nothing, nothing)


def test_a_task_is_done_when_it_ends_with_0_and_fails_the_start_otherwise(tmp_path: Path) -> None:
    good = Part("task", lambda: Program("task", ("true",), tmp_path / "task.log"), None)
    assert supervise([good], nothing, Observer.stop).states["task"][:3] == ["preparing", "starting", "done"]
    bad = Part("task", lambda: Program("task", ("false",), tmp_path / "task.log"), None)
    with pytest.raises(PartFailed, match="task ended with 1"):
        supervise([bad], nothing, nothing)


def test_stopping_takes_no_longer_than_the_limits_and_leaves_nothing(tmp_path: Path) -> None:
    started: list[psutil.Process] = []

    def stop(observer: Observer) -> None:
        for part in observer.parts.values():
            process = psutil.Process(int(str(part["pid"])))
            started.extend([process, *process.children()])
        os.kill(int(str(observer.parts["frozen"]["pid"])), signal.SIGSTOP)
        observer.stop()

    parts = [
        stand_in("stubborn", tmp_path, "--stubborn"),
        stand_in("parent", tmp_path, "--child"),
        stand_in("frozen", tmp_path),
    ]
    observer = Observer(nothing)
    observer.supervisor = Supervisor(parts, say=observer.say, record=observer.record, when_up=lambda: stop(observer))
    began = time.monotonic()
    observer.supervisor.run()
    assert time.monotonic() - began < 8
    assert len(started) == 4
    # A killed grandchild takes a moment to be gone.
    _, alive = psutil.wait_procs(started, timeout=20)
    assert not [process for process in alive if process.status() != psutil.STATUS_ZOMBIE]
    assert any("stubborn did not stop within 1 s" in line for line in observer.said)


def test_stopping_half_way_through_the_start_stops_what_runs_already(tmp_path: Path) -> None:
    slow = Program("slow", ("sleep", "60"), tmp_path / "slow.log", stop_within=2)
    parts = [stand_in("quick", tmp_path), Part("slow", lambda: slow, lambda: False)]

    def stop(observer: Observer) -> None:
        if observer.parts["quick"]["state"] == "healthy":
            observer.stop()

    observer = supervise(parts, stop, nothing)
    assert {part["state"] for part in observer.parts.values()} == {"stopped"}
    assert is_free(parts[0].port() or 0)


SUPERVISING_PROGRAM = """
    import sys
    from pathlib import Path
    sys.path.insert(0, sys.argv[2])
    from test_supervisor import stand_in
    from backorder_local.private_files import write_json
    from backorder_local.supervisor import Supervisor
    directory = Path(sys.argv[1])
    parts = [stand_in(name, directory) for name in ("one", "two")]
    Supervisor(
        parts, say=print, record=lambda parts: write_json(directory / "parts.json", {"parts": parts})
    ).run()
"""


@pytest.fixture
def supervising_process(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], list[int]]]:
    program = tmp_path / "program.py"
    program.write_text(textwrap.dedent(SUPERVISING_PROGRAM))
    process = subprocess.Popen([sys.executable, str(program), str(tmp_path), str(Path(__file__).parent)])
    deadline = time.monotonic() + 20
    pids: list[int] = []
    while len(pids) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
        if (tmp_path / "parts.json").exists():
            recorded = json.loads((tmp_path / "parts.json").read_text())["parts"]
            pids = [part["pid"] for part in recorded if part["state"] == "healthy"]
    yield process, pids
    process.kill()
    process.wait()
    end_leftovers(json.loads((tmp_path / "parts.json").read_text())["parts"])


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's help is there on Linux only")
def test_kill_9_of_the_supervisor_leaves_nothing_behind(
    supervising_process: tuple[subprocess.Popen[bytes], list[int]],
) -> None:
    process, pids = supervising_process
    assert len(pids) == 2
    process.kill()
    process.wait()
    deadline = time.monotonic() + 5
    while any(psutil.pid_exists(pid) for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert [pid for pid in pids if psutil.pid_exists(pid)] == []


def test_leftovers_are_ended_only_if_they_are_what_was_recorded(tmp_path: Path) -> None:
    ours = subprocess.Popen(["sleep", "60"])
    since = psutil.Process(ours.pid).create_time()
    try:
        assert end_leftovers([{"pid": ours.pid, "pid_since": since - 100}]) == [], "the number went to somebody else"
        assert end_leftovers([{"pid": ours.pid, "pid_since": since}]) == [ours.pid]
        assert not psutil.pid_exists(ours.pid)
    finally:
        ours.kill()
        ours.wait()
