"""What is read of a record: an event, nothing, or a reason to park it."""

from datetime import UTC, datetime

import pytest

from event_contracts import OrderState, new_event
from service_kit.messaging.decoding import Incoming, read_record, why_skipped
from service_kit.messaging.event_log import Headers, Record

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


@pytest.mark.parametrize(
    ("ce_type", "why"),
    [
        (b"backorder.OrderShipped.v1", "other_type"),
        (b"backorder.OrderShipped.v2", "other_type"),
        (b"backorder.OrderReturned.v1", "unknown_type"),
        (b"com.other.Thing", "unknown_type"),
        (b"\xff", "unknown_type"),
    ],
)
def test_other_and_unknown_types_are_passed_over_unread_and_counted(ce_type: bytes, why: str) -> None:
    assert read(b"not json", ce_type=ce_type) is None
    assert why_skipped(record_of([("ce_type", ce_type)]), TYPES) == why


@pytest.mark.parametrize("version", [b"v2", b"v9", b"v0"])
def test_another_version_of_a_subscribed_event_is_no_other_type(version: bytes) -> None:
    incoming = read_malformed(ce_type=b"backorder.OrderPlaced." + version)
    assert (incoming.event_id, incoming.key, incoming.name) == (EVENT.id, "o-1", "OrderPlaced")
    assert incoming.outcome_if_parked == "other_version"


def test_a_tombstone_is_passed_over() -> None:
    tombstone = record_of([("trace", b"x")], value=None)
    assert read_record(tombstone, TYPES) is None
    assert why_skipped(tombstone, TYPES) == "tombstone"
    assert read_record(record_of([("ce_type", b"backorder.OrderPlaced.v1")], value=None), TYPES) is not None


def record_of(headers: Headers, value: bytes | None = b"{}") -> Record:
    return Record("orders", 2, 77, 0, b"o-1", value, headers)


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


@pytest.mark.parametrize("name", ["ce_id", "ce_partitionkey", "ce_type", "ce_sequence", "ce_source", "ce_time"])
def test_a_null_header_counts_as_missing(name: str) -> None:
    headers = [(key, None if key == name else value) for key, value in EVENT.headers()]
    incoming = read_record(Record("orders", 2, 77, 0, b"o-1", EVENT.value(), headers), TYPES)
    assert incoming is not None
    assert f"header {name} is missing" in (incoming.error or "")


@pytest.mark.parametrize("name", ["ce_id", "ce_partitionkey", "ce_sequence"])
def test_a_header_that_says_two_things_is_malformed(name: str) -> None:
    headers = [*EVENT.headers(), (name, b"8")]
    incoming = read_record(Record("orders", 2, 77, 0, b"o-1", EVENT.value(), headers), TYPES)
    assert incoming is not None
    assert "twice" in (incoming.error or "")


def test_a_header_that_says_the_same_twice_is_no_fault() -> None:
    again = [*EVENT.headers(), *EVENT.headers()]
    incoming = read_record(Record("orders", 2, 77, 0, b"o-1", EVENT.value(), again), TYPES)
    assert incoming is not None
    assert incoming.event == EVENT


def test_an_id_that_is_not_utf_8_is_not_taken_for_another_one() -> None:
    first, second = read_malformed(ce_id=b"e\xff"), read_malformed(ce_id=b"e\xfe")
    assert first.event_id != second.event_id


def test_the_key_must_be_that_of_the_data() -> None:
    assert "ce_partitionkey" in (read_malformed(ce_partitionkey=b"o-2").error or "")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ce_correlationid", b"c" * 100_000),
        ("ce_causationid", b"\xff"),
        ("traceparent", b"00-zz"),
        ("traceparent", None),
    ],
)
def test_references_that_cannot_go_on_are_left_out(name: str, value: bytes | None) -> None:
    headers = [*((key, content) for key, content in EVENT.headers() if key != name), (name, value)]
    incoming = read_record(Record("orders", 2, 77, 0, b"o-1", EVENT.value(), headers), TYPES)
    assert incoming is not None
    assert incoming.event is not None
    assert (incoming.event.correlation_id, incoming.event.causation_id, incoming.event.traceparent) == (
        EVENT.id,
        None,
        None,
    )


@pytest.mark.parametrize("time", [b"0001-01-01T00:00:00+23:59", b"9999-12-31T23:59:59-23:59"])
def test_a_moment_outside_the_calendar_is_malformed(time: bytes) -> None:
    assert "ce_time" in (read_malformed(ce_time=time).error or "")


def test_a_sequence_that_no_column_holds_is_malformed() -> None:
    assert "ce_sequence" in (read_malformed(ce_sequence=b"9" * 19).error or "")


def test_what_the_client_could_not_take_apart_is_malformed_where_it_stands() -> None:
    fetched = Record("orders", 2, 77, 0, None, b"\x00batch", (), fault="the batch cannot be decompressed")
    incoming = read_record(fetched, TYPES)
    assert incoming is not None
    assert (incoming.key, incoming.error) == ("orders-2-77", "the batch cannot be decompressed")
