"""What tests of services need: databases, topics, an event log in memory, a clock to set."""

from service_kit.testing.clock import FakeClock
from service_kit.testing.eventually import eventually
from service_kit.testing.in_memory_event_log import InMemoryEventLog

__all__ = ["FakeClock", "InMemoryEventLog", "eventually"]
