"""Fetched batches are taken apart to the last record, whatever is in them."""

import random
import struct
from collections.abc import Sequence
from typing import Any

import aiokafka.codec as codecs
import pytest
from aiokafka import TopicPartition
from aiokafka.consumer import fetcher
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.util import calc_crc32c

from service_kit.messaging.kafka_batches import MOST_UNPACKED, UnreadableRecord, read_every_record

CODECS = {"none": 0, "gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}
HEADERS: list[tuple[str, bytes | None]] = [("ce_id", None), ("x", b"\xff\x00")]

read_every_record()


def batch(codec: str, values: Sequence[bytes | None], *, base: int = 0, headers: Any = HEADERS) -> bytes:
    builder = DefaultRecordBatchBuilder(2, CODECS[codec], 0, -1, -1, -1, 100_000_000)
    for offset, value in enumerate(values):
        assert builder.append(offset, 1_000 + offset, b"k", value, headers)
    raw = bytearray(builder.build())
    struct.pack_into(">q", raw, 0, base)
    return bytes(raw)


def signed(raw: bytes) -> bytes:
    """The batch with the checksum that its content has now, as a producer sends it."""
    return raw[:17] + struct.pack(">I", calc_crc32c(raw[21:])) + raw[21:]


def read(raw: bytes, position: int = 0) -> list[Any]:
    place = TopicPartition("t", 0)
    records = fetcher.MemoryRecords(raw)  # type: ignore[attr-defined]  # the one that was put in its place
    return list(fetcher.PartitionRecords(place, records, [], position, None, None, True, 0))


@pytest.mark.parametrize("codec", CODECS)
def test_every_codec_is_read(codec: str) -> None:
    raw = batch(codec, [b"a" * 500, None, b""], base=10) + batch(codec, [b"b"], base=13)
    records = read(raw, 11)
    assert [(one.offset, one.value) for one in records] == [(11, None), (12, b""), (13, b"b")]
    assert records[0].headers == tuple(HEADERS)
    assert records[0].timestamp == 1_001


@pytest.mark.parametrize("codec", CODECS)
def test_a_header_name_that_is_not_utf_8_is_escaped_and_stops_nobody(codec: str) -> None:
    # Compressed data cannot be patched: the name is patched first, and then packed as the builder would have.
    raw = bytearray(batch("none", [b"a", b"b", b"c"], headers=[("zz", b"1")]))
    second = raw.index(b"zz", raw.index(b"zz") + 1)
    raw[second : second + 2] = b"\xff\xfe"
    packed = signed(repacked(bytes(raw), codec))
    records = read(packed + batch("none", [b"d"], base=3))
    assert [(one.offset, one.value) for one in records] == [(0, b"a"), (1, b"b"), (2, b"c"), (3, b"d")]
    assert [one.headers[0][0] for one in records] == ["zz", "\\xff\\xfe", "zz", "ce_id"]
    assert all(not getattr(one, "fault", "") for one in records)


def repacked(raw: bytes, codec: str) -> bytes:
    encode: dict[str, Any] = {
        "none": lambda data: data,
        "gzip": codecs.gzip_encode,
        "snappy": codecs.snappy_encode,
        "lz4": codecs.lz4_encode,
        "zstd": codecs.zstd_encode,
    }
    records = encode[codec](raw[61:])
    header = bytearray(raw[:61])
    struct.pack_into(">h", header, 21, CODECS[codec])
    struct.pack_into(">i", header, 8, 61 - 12 + len(records))
    return bytes(header) + bytes(records)


@pytest.mark.parametrize("codec", ["gzip", "lz4", "zstd"])
def test_a_batch_that_unpacks_to_too_much_is_one_unreadable_record(codec: str) -> None:
    raw = batch(codec, [b"0" * (MOST_UNPACKED + 1)], base=5) + batch("none", [b"after"], base=6)
    bomb, after = read(raw, 5)
    assert isinstance(bomb, UnreadableRecord)
    assert bomb.fault
    assert (bomb.offset, after.offset, after.value) == (5, 6, b"after")


@pytest.mark.parametrize("codec", ["gzip", "snappy", "lz4", "zstd"])
def test_a_batch_that_cannot_be_unpacked_is_one_unreadable_record(codec: str) -> None:
    raw = bytearray(batch(codec, [b"a" * 1000] * 4, base=0))
    raw[61:] = b"\x00" * (len(raw) - 61)
    records = read(signed(bytes(raw)) + batch("none", [b"after"], base=4))
    assert isinstance(records[0], UnreadableRecord)
    assert [one.offset for one in records] == [0, 4]
    assert records[0].value == signed(bytes(raw)), "it is kept as it was fetched"


def test_an_unknown_codec_and_a_wrong_checksum_are_unreadable_records() -> None:
    unknown = bytearray(batch("none", [b"a"]))
    unknown[22] |= 7
    corrupt = bytearray(batch("none", [b"b"], base=1))
    corrupt[-1] ^= 1
    records = read(signed(bytes(unknown)) + bytes(corrupt) + batch("none", [b"after"], base=2))
    assert [one.offset for one in records] == [0, 1, 2]
    assert records[2].value == b"after"


def test_control_records_and_empty_batches_are_passed_over() -> None:
    control = bytearray(batch("none", [b"a"]))
    control[22] |= 0x20
    assert [one.value for one in read(signed(bytes(control)) + batch("none", [b"b"], base=1))] == [b"b"]


@pytest.mark.parametrize("seed", range(300))
def test_noise_in_a_batch_ends_at_its_end(seed: int) -> None:
    choice = random.Random(seed)
    raw = bytearray(batch(choice.choice(list(CODECS)), [b"a" * 50] * 20, base=100))
    for _ in range(choice.randrange(1, 20)):
        raw[choice.randrange(21, len(raw))] = choice.randrange(256)
    if choice.random() < 0.8:
        raw = bytearray(signed(bytes(raw)))
    records = read(bytes(raw) + batch("none", [b"after"], base=120), 100)
    offsets = [one.offset for one in records]
    assert offsets == sorted(set(offsets))
    assert offsets[0] >= 100
    assert (offsets[-1], records[-1].value) == (120, b"after"), "whatever the batch says of itself"
