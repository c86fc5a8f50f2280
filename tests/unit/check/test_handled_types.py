"""The checker expects in each inbox what the service subscribes to."""

from backorder_local.services import SERVICE_NAMES
from backorder_local.topics import CONSUMED
from backorder_verify.check.handled_types import HANDLED_TYPES
from event_contracts import EVENT_TYPES


def test_every_service_handles_something_of_each_topic_it_reads_and_nothing_else() -> None:
    topic_of = {event.ce_type: event.topic.value for event in EVENT_TYPES.values()}
    assert set(HANDLED_TYPES) == set(SERVICE_NAMES)
    for service, types in HANDLED_TYPES.items():
        assert {topic_of[one] for one in types} == set(CONSUMED[service])


def test_every_event_type_has_a_reader_except_that_of_messages_that_were_given_up() -> None:
    read = frozenset().union(*HANDLED_TYPES.values())
    unread = {name for name, event in EVENT_TYPES.items() if event.ce_type not in read}
    assert unread == {"NotificationFailed"}
