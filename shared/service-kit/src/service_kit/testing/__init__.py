"""What tests of services need: databases, topics, a broker in memory, time that stands still."""

from service_kit.testing.bus import InMemoryBus
from service_kit.testing.clock import FakeClock
from service_kit.testing.eventually import eventually

__all__ = ["FakeClock", "InMemoryBus", "eventually"]
