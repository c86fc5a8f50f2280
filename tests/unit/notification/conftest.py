"""Fixtures of the unit tests of notification: use cases on stores in memory."""

import pytest
from tests.unit.notification.in_memory_stores import InMemoryUnits, in_memory_units
from tests.unit.notification.scenario import RecordingMailer, RecordingSender, Scenario

from service_kit.testing import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def units(clock: FakeClock) -> InMemoryUnits:
    return in_memory_units(clock)


@pytest.fixture
def mailer() -> RecordingMailer:
    return RecordingMailer()


@pytest.fixture
def sender() -> RecordingSender:
    return RecordingSender()


@pytest.fixture
def scenario(clock: FakeClock, units: InMemoryUnits, mailer: RecordingMailer, sender: RecordingSender) -> Scenario:
    return Scenario(clock, units, mailer, sender)
