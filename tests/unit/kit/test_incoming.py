"""What is read of a record: an event, nothing, or a reason to park it."""

from datetime import UTC, datetime

import pytest

from event_contracts import OrderState, new_event
from service_kit.messaging.decoding import Incoming, read_record
from service_kit.messaging.event_log import Record

TYPES = frozenset({"OrderPlaced"})
NOW = datetime(2026, 1, 5, tzinfo=UTC)
EVENT = new_event(
    "OrderPlaced",
    OrderState(order_id="o-1", sequence=3, reference="r", placed_at=NOW, updated_at=NOW, lines=()),
    source="/t",
    sequence=3,
)


def read(value: bytes | None = None, key: bytes | None = b"o-1", **headers: bytes | None) -> Incoming | None:
    changed = dict(EVENT.headers()) | headers
    kept = [(name, content) for name, content in changed.items() if content is not None]
    return read_record(Record("orders", 2, 77, 0, key, EVENT.value() if value is None else value, kept), TYPES)


def read_malformed(value: bytes | None = None, key: bytes | None = b"o-1", **headers: bytes | None) -> Incoming:
    incoming = read(value, key, **headers)
    assert incoming is not None
    assert incoming.event is None
    assert incoming.error
    return incoming


def test_a_record_of_a_subscribed_type_is_an_event() -> None:
    incoming = read()
    assert incoming is not None
    assert incoming.event == EVENT
    assert (incoming.event_id, incoming.place, incoming.error) == (EVENT.id, ("orders", "o-1"), None)


@pytest.mark.parametrize("ce_type", [b"backorder.OrderShipped.v1", b"backorder.OrderPlaced.v9", b"com.other.Thing"])
def test_other_and_unknown_types_are_passed_over_unread(ce_type: bytes) -> None:
    assert read(b"not json", ce_type=ce_type) is None


def test_a_record_without_a_type_is_malformed() -> None:
    assert read_malformed(ce_type=None).name == "unknown"


@pytest.mark.parametrize("value", [b"", b"{", b"{}", b"[]", b"\xff\xfe", b'{"order_id": 1}', b"[" * 100_000])
def test_data_that_does_not_fit_its_schema_is_malformed_under_its_own_id_and_key(value: bytes) -> None:
    incoming = read_malformed(value)
    assert (incoming.event_id, incoming.key, incoming.name) == (EVENT.id, "o-1", "OrderPlaced")


def test_without_a_partition_key_the_record_s_key_counts() -> None:
    assert read_malformed(key=b"k", ce_partitionkey=None).key == "k"


@pytest.mark.parametrize("key", [None, b"", b"\x00", b"k" * 201])
def test_without_any_usable_key_partition_and_offset_name_the_place(key: bytes | None) -> None:
    assert read_malformed(key=key, ce_partitionkey=None).key == "orders-2-77"


@pytest.mark.parametrize("event_id", [b"i" * 201, b"a\x00b", None])
def test_ids_that_cannot_be_stored_are_replaced(event_id: bytes | None) -> None:
    assert read_malformed(ce_id=event_id).event_id == "orders-2-77"


@pytest.mark.parametrize("sequence", [b"", b"one", None])
def test_a_sequence_must_be_a_number(sequence: bytes | None) -> None:
    assert "sequence" in (read_malformed(ce_sequence=sequence).error or "") or sequence == b"one"


def test_the_error_can_be_stored() -> None:
    assert "\x00" not in (read_malformed(b'{"order_id": "\\u0000", "x": "\x00"}').error or "")
