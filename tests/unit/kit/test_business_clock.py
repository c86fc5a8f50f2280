"""Business time follows a replay, and only a replay."""

from datetime import timedelta

import pytest

from service_kit.runtime.business_clock import BusinessClock
from service_kit.testing import FakeClock


def test_a_replay_of_old_data_is_judged_by_its_own_time() -> None:
    clock = FakeClock()
    business = BusinessClock(clock, follow_events=True)
    newest = clock.now() - timedelta(days=400)
    business.saw(newest)
    business.saw(newest - timedelta(days=1))
    assert business.now() == newest


@pytest.mark.parametrize("behind", [timedelta(0), timedelta(hours=3), timedelta(hours=23)])
def test_what_happens_today_is_dated_by_the_wall_clock(behind: timedelta) -> None:
    clock = FakeClock()
    business = BusinessClock(clock, follow_events=True)
    business.saw(clock.now() - behind)
    assert business.now() == clock.now()


def test_a_quiet_weekend_does_not_hold_the_clock() -> None:
    clock = FakeClock()
    business = BusinessClock(clock, follow_events=True)
    business.saw(clock.now())
    clock.advance(timedelta(days=3))
    assert business.now() == clock.now()


def test_nothing_is_followed_unless_it_is_set() -> None:
    clock = FakeClock()
    business = BusinessClock(clock)
    business.saw(clock.now() - timedelta(days=400))
    assert business.now() == clock.now()
