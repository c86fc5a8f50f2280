"""The letter on a dead-letter topic: the record as it came, and what was wrong with it."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from service_kit.messaging.dead_letters import dead_letter_topic, letter_of
from service_kit.messaging.header_packing import pack_headers, unpack_headers
from service_kit.messaging.outbox import MAX_PAYLOAD_BYTES


def parked(**changed: Any) -> Any:
    row = {
        "topic": "orders",
        "consumer": "allocation",
        "kafka_partition": 3,
        "kafka_offset": 41,
        "headers": pack_headers([("ce_id", b"e-1")]),
        "value": b"{}",
        "error": "ValueError: naïve",
        "record_key": b"o-1",
        "parked_at": datetime(2026, 1, 5, tzinfo=UTC),
    }
    return SimpleNamespace(**(row | changed))


def test_a_letter_carries_the_record_its_origin_and_its_error() -> None:
    key, value, headers = letter_of(parked())
    assert (key, value) == (b"o-1", b"{}")
    assert dict(headers) == {
        "ce_id": b"e-1",
        "dlq_origin_topic": b"orders",
        "dlq_origin_partition": b"3",
        "dlq_origin_offset": b"41",
        "dlq_consumer": b"allocation",
        "dlq_error": "ValueError: naïve".encode(),
        "dlq_parked_at": b"2026-01-05T00:00:00+00:00",
    }


def test_data_that_a_broker_might_refuse_is_left_out_and_said_so() -> None:
    _, value, headers = letter_of(parked(value=b"x" * (MAX_PAYLOAD_BYTES + 1)))
    assert value == b""
    assert dict(headers)["dlq_value_left_out"] == str(MAX_PAYLOAD_BYTES + 1).encode()


def test_headers_and_keys_that_a_broker_might_refuse_are_left_out_and_said_so() -> None:
    key, value, headers = letter_of(parked(headers=pack_headers([("h", b"x" * 200_000)]), record_key=b"k" * 900_000))
    assert (key, value) == (b"", b"{}")
    assert dict(headers)["dlq_key_left_out"] == b"900000"
    assert "dlq_headers_left_out" in dict(headers)
    assert "h" not in dict(headers)


def test_a_record_without_data_and_key_gets_an_empty_letter() -> None:
    assert letter_of(parked(value=None, record_key=None))[:2] == (b"", b"")


def test_dead_letters_are_apart_by_topic_and_group() -> None:
    assert dead_letter_topic("orders", "allocation") == "orders.allocation.dlq"


@given(st.lists(st.tuples(st.text(alphabet=st.characters(exclude_categories=["Cs"])), st.none() | st.binary())))
def test_headers_survive_the_table_byte_for_byte(headers: list[tuple[str, bytes | None]]) -> None:
    assert unpack_headers(pack_headers(headers)) == headers
