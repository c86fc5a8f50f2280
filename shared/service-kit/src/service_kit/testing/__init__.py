"""What tests of services need: databases, topics, a broker in memory, time that stands still."""

from service_kit.testing.clock import FakeClock
from service_kit.testing.eventually import eventually
from service_kit.testing.in_memory_event_log import InMemoryEventLog

__all__ = ["FakeClock", "InMemoryEventLog", "eventually"]
