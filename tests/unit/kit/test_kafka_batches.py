"""Fetched batches are taken apart to the last record, whatever is in them."""

import random
import struct
from collections.abc import Sequence
from typing import Any, Literal

import aiokafka.codec as codecs
import pytest
from aiokafka import TopicPartition
from aiokafka.consumer import fetcher
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.legacy_records import LegacyRecordBatchBuilder
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


def reader(raw: bytes, position: int = 0) -> Any:
    records = fetcher.MemoryRecords(raw)  # type: ignore[attr-defined]  # the one that was put in its place
    return fetcher.PartitionRecords(TopicPartition("t", 0), records, [], position, None, None, True, 0)


def read(raw: bytes, position: int = 0) -> list[Any]:
    return list(reader(raw, position))


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


def test_an_unknown_codec_is_an_unreadable_record() -> None:
    unknown = bytearray(batch("none", [b"a"]))
    unknown[22] |= 7
    records = read(signed(bytes(unknown)) + batch("none", [b"after"], base=1))
    assert [one.offset for one in records] == [0, 1]
    assert isinstance(records[0], UnreadableRecord)
    assert "unknown compression 7" in records[0].fault
    assert records[1].value == b"after"


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("followed", [True, False])
def test_the_rest_of_a_batch_with_a_wrong_checksum_is_one_unreadable_record(codec: str, followed: bool) -> None:
    corrupt = bytearray(batch(codec, [b"a", b"b", b"c", b"d"], base=10))
    corrupt[-1] ^= 1
    records = read(bytes(corrupt) + (batch("none", [b"after"], base=14) if followed else b""), 11)
    assert isinstance(records[0], UnreadableRecord)
    assert "the checksum is not that of the batch" in records[0].fault
    assert (records[0].offset, records[0].value) == (11, bytes(corrupt))
    assert [(one.offset, one.value) for one in records[1:]] == ([(14, b"after")] if followed else [])


@pytest.mark.parametrize("changed", [23, 26, 57, 60])
def test_a_header_with_a_wrong_checksum_is_not_believed_when_it_says_how_far_its_batch_goes(changed: int) -> None:
    # What stands there is the last offset's distance and the number of records: neither a jump nor a standstill.
    for flipped in (0x01, 0x7F, 0x80, 0xFF):
        corrupt = bytearray(batch("none", [b"a", b"b"], base=10))
        corrupt[changed] ^= flipped
        reading = reader(bytes(corrupt), 10)
        assert [(one.offset, bool(one.fault)) for one in reading] == [(10, True)]
        assert reading.next_fetch_offset == 11, "the broker gives the same batch again, from there on"
        followed = reader(bytes(corrupt) + batch("none", [b"after"], base=12), 11)
        assert [one.offset for one in followed] == [11, 12]


@pytest.mark.parametrize("magic", [0, 1])
@pytest.mark.parametrize("value", [b"v", b"v" * 200])
def test_a_batch_of_an_older_format_is_one_unreadable_record_and_is_passed(magic: Literal[0, 1], value: bytes) -> None:
    builder = LegacyRecordBatchBuilder(magic, 0, 1_000_000)
    assert builder.append(0, 1_000, b"k", value)
    raw = bytearray(builder.build())
    struct.pack_into(">q", raw, 0, 30)
    reading = reader(bytes(raw), 30)
    [old] = reading
    assert isinstance(old, UnreadableRecord)
    assert f"format {magic}" in old.fault
    assert (old.offset, old.value, reading.next_fetch_offset) == (30, bytes(raw), 31)
    # The offset of a batch that is packed is that of its last record.
    packed = reader(bytes(raw) + batch("none", [b"after"], base=31), 28)
    assert [(one.offset, one.value) for one in packed] == [(28, bytes(raw)), (31, b"after")]


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
