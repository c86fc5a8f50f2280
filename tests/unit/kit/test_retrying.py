"""How often events are tried before they are split or parked."""

import asyncpg
import pytest

from service_kit.messaging.retrying import Retrying, Verdict

AGAIN, HALVE, ONE_BY_ONE, PARK = Verdict.AGAIN, Verdict.HALVE, Verdict.ONE_BY_ONE, Verdict.PARK
TIMEOUT = asyncpg.QueryCanceledError()


class Stopwatch:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def watch() -> Stopwatch:
    return Stopwatch()


def test_the_data_of_a_batch_are_searched_and_those_of_an_event_tried_three_times(watch: Stopwatch) -> None:
    assert Retrying(2, patience=30, now=watch).judge(ValueError()) is HALVE
    alone = Retrying(1, patience=30, now=watch)
    assert [alone.judge(ValueError()) for _ in range(3)] == [AGAIN, AGAIN, PARK]


def test_what_may_pass_is_tried_for_ever(watch: Stopwatch) -> None:
    for events in (1, 2):
        retrying = Retrying(events, patience=30, now=watch)
        for error in (asyncpg.ReadOnlySQLTransactionError(), RuntimeError(), OSError()) * 50:
            watch.seconds += 60
            assert retrying.judge(error) is AGAIN


def test_a_batch_that_is_timed_out_twice_is_taken_apart(watch: Stopwatch) -> None:
    retrying = Retrying(500, patience=30, now=watch)
    assert [retrying.judge(TIMEOUT) for _ in range(2)] == [AGAIN, ONE_BY_ONE]


def test_an_event_is_given_up_after_enough_time_outs_that_take_long_enough(watch: Stopwatch) -> None:
    hasty = Retrying(1, patience=30, now=watch)
    assert {hasty.judge(TIMEOUT) for _ in range(50)} == {AGAIN}, "an outage of seconds is none of its fault"
    watch.seconds += 30
    assert hasty.judge(TIMEOUT) is PARK
    seldom = Retrying(1, patience=30, now=watch)
    verdicts = []
    for _ in range(5):
        verdicts.append(seldom.judge(TIMEOUT))
        watch.seconds += 60
    assert verdicts == [AGAIN] * 4 + [PARK]


def test_time_outs_do_not_add_up_across_other_errors_and_a_slow_database(watch: Stopwatch) -> None:
    retrying = Retrying(1, patience=30, now=watch)
    for disturb in (lambda: retrying.judge(ConnectionResetError()), retrying.start_over) * 3:
        for _ in range(4):
            assert retrying.judge(TIMEOUT) is AGAIN
            watch.seconds += 20
        disturb()
