"""The watchdog: tells a loop that hangs from one that waits, and from a process that did not run."""

import pytest

from service_kit.messaging.watchdog import Stuck, Watchdog


class Timeline:
    """A loop's time, watched every second."""

    def __init__(self, lag: int | None = 0) -> None:
        self.now = 1000.0
        self.lag = lag
        self.dog = Watchdog(lambda: self.lag, turn_limit=30, progress_limit=60, now=lambda: self.now)

    def pass_seconds(self, seconds: int, *, turning: bool) -> None:
        for _ in range(seconds):
            self.now += 1
            if turning:
                self.dog.alive()
            self.dog.check(1)


def test_a_loop_that_turns_is_left_alone_for_ever() -> None:
    Timeline().pass_seconds(1000, turning=True)


def test_a_loop_that_does_not_turn_for_thirty_seconds_is_stuck() -> None:
    time = Timeline()
    time.pass_seconds(30, turning=False)
    with pytest.raises(Stuck, match="no turn"):
        time.pass_seconds(1, turning=False)


def test_records_that_wait_a_minute_without_one_being_handled_mean_stuck() -> None:
    time = Timeline(lag=5)
    time.pass_seconds(60, turning=True)
    with pytest.raises(Stuck, match="5 records wait"):
        time.pass_seconds(1, turning=True)


def test_progress_starts_the_minute_anew() -> None:
    time = Timeline(lag=5)
    for _ in range(10):
        time.pass_seconds(50, turning=True)
        time.dog.progress()


def test_the_minute_counts_from_when_records_began_to_wait() -> None:
    time = Timeline(lag=0)
    time.pass_seconds(300, turning=True)
    time.lag = 1
    time.pass_seconds(59, turning=True)
    with pytest.raises(Stuck):
        time.pass_seconds(3, turning=True)


def test_an_unknown_lag_is_no_lag() -> None:
    Timeline(lag=None).pass_seconds(300, turning=True)


def test_a_process_that_was_frozen_or_blocked_gets_its_time_back() -> None:
    time = Timeline(lag=5)
    time.now += 300
    time.dog.check(1)
    time.pass_seconds(25, turning=False)
    with pytest.raises(Stuck):
        time.pass_seconds(10, turning=False)
