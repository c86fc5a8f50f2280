"""A hundred thousand records that nobody should write: each is read, skipped or parked, and none raises."""

import os
import random
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from event_contracts import Event, OrderLine, OrderState, new_event
from service_kit.messaging.corrections import content_digest
from service_kit.messaging.dead_letters import letter_of
from service_kit.messaging.decoding import read_record, why_skipped
from service_kit.messaging.event_log import Record
from service_kit.messaging.header_packing import pack_headers, unpack_headers
from service_kit.messaging.outbox import prepare
from service_kit.testing.odd_records import odd_records

TYPES = frozenset({"OrderPlaced", "OrderAmended"})
NOW = datetime(2026, 1, 5, tzinfo=UTC)
SEEDS = [int(seed) for seed in os.environ.get("BACKORDER_SEED", "1 2 3 4 5 6 7 8 9 10").split()]
PER_SEED = 10_000
BROKERS_LIMIT = 1024 * 1024


def placed(choice: random.Random) -> Event:
    order_id = f"o-{choice.randrange(50)}"
    line = OrderLine(line_id=f"{order_id}-1", sku="S", quantity=2, cancelled=0, unit_price=100)
    state = OrderState(
        order_id=order_id, sequence=1, reference="r", placed_at=NOW, updated_at=NOW, lines=(line,), reason=""
    )
    return new_event("OrderPlaced", state, source="/test", sequence=1)


@pytest.mark.parametrize("seed", SEEDS)
def test_every_record_is_an_event_or_skipped_or_can_be_parked(seed: int) -> None:
    outcomes = {"event": 0, "skipped": 0, "parked": 0}
    for offset, (key, value, headers) in enumerate(odd_records(seed, placed, PER_SEED)):
        record = Record("orders", 0, offset, 0, key, value, headers)
        incoming = read_record(record, TYPES)
        if incoming is None:
            outcomes["skipped"] += 1
            assert why_skipped(record, TYPES) in ("other_type", "unknown_type", "tombstone")
            continue
        outcomes["event" if incoming.event else "parked"] += 1
        for text in (incoming.event_id, incoming.key, incoming.name, incoming.error or "no error"):
            assert 0 < len(text.encode()) <= 10_000, "a column can hold it"
            assert "\x00" not in text
        assert len(incoming.event_id) <= 200
        assert len(incoming.key) <= 200
        assert unpack_headers(pack_headers(headers)) == list(headers), "the record is kept byte for byte"
        assert len(content_digest(headers, value)) == 32
        if incoming.event is not None:
            [row] = prepare([incoming.event])
            assert sum(len(part) for part in row[3:]) < BROKERS_LIMIT, "it can be sent on"
    # A generator whose records are all of one kind would prove nothing.
    assert min(outcomes.values()) > PER_SEED // 50, outcomes


@pytest.mark.parametrize("seed", SEEDS[:1])
def test_every_record_makes_a_letter_that_a_broker_takes(seed: int) -> None:
    for offset, (key, value, headers) in enumerate(odd_records(seed, placed, 2_000)):
        row = SimpleNamespace(
            topic="orders", consumer="c", kafka_partition=0, kafka_offset=offset, headers=pack_headers(headers),
            value=value, error="e", parked_at=NOW, record_key=key,
        )  # fmt: skip
        letter_key, letter, letter_headers = letter_of(row)
        size = len(letter_key or b"") + len(letter or b"") + sum(len(n) + len(v or b"") for n, v in letter_headers)
        assert size < BROKERS_LIMIT
