"""Takes fetched record batches apart, whatever a producer put into them.

aiokafka raises what it stumbles over (a header name that is not UTF-8, a batch that cannot be decompressed) to whoever
polls, for all partitions and at every poll, because the position stays before the record. Here every batch becomes
records: those that cannot be taken apart become one record each with a ``fault``, or one for the rest of their batch.
Of a batch whose checksum is wrong nothing is believed, not even what looks well.
Batches are decompressed up to a limit, since a megabyte can unpack to thousands.

aiokafka has no place to plug this in: ``read_every_record`` puts it into the module that fetches.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from mmap import mmap
from typing import Any

import cramjam
from aiokafka.codec import snappy_decode
from aiokafka.consumer import fetcher
from aiokafka.errors import UnsupportedCodecError
from aiokafka.record.default_records import DefaultRecordBatch
from aiokafka.record.util import decode_varint
from aiokafka.structs import ConsumerRecord

MOST_UNPACKED = 32 * 1024 * 1024
"""The most bytes that one batch may unpack to. Brokers take a megabyte packed; ours are sent as they are."""

_HEADER = struct.Struct(">qiibIhiqqqhii")
"""Base offset, length, leader epoch, magic, CRC, attributes, last offset delta, first and last timestamp, producer id,
producer epoch, base sequence, number of records (https://kafka.apache.org/documentation/#recordbatch)."""
_LENGTH_AT, _OVERHEAD, _FORMAT_AT, _ATTRIBUTES_AT = 8, 12, 16, 21
_FORMAT = 2
"""What Kafka has written since 0.11; brokers since 4.0 have no other."""
_CODEC = 0x07


@dataclass
class UnreadableRecord(ConsumerRecord[bytes, bytes]):
    """What stands for one or more records that cannot be taken apart; its value is what was fetched in their place."""

    fault: str = ""


def read_every_record() -> None:
    """From now on consumers of this process get every record; safe to repeat."""
    vars(fetcher).update(MemoryRecords=_FetchedBatches, PartitionRecords=_EveryRecord)


class _FetchedBatches:
    """The batches of one fetch; stands in for aiokafka's ``MemoryRecords``, which gives no access to their bytes."""

    def __init__(self, fetched: bytes) -> None:
        self._fetched = fetched
        self._position = 0

    def size_in_bytes(self) -> int:
        return len(self._fetched)

    def has_next(self) -> bool:
        return self._end() is not None

    def next_slice(self) -> bytes:
        end = self._end()
        if end is None:
            raise IndexError("no whole batch is left")
        batch, self._position = self._fetched[self._position : end], end
        return batch

    def next_base_offset(self) -> int | None:
        """The first offset of the next batch; None where it is not known."""
        if not self.has_next():
            return None
        return int(struct.unpack_from(">q", self._fetched, self._position)[0])

    def _end(self) -> int | None:
        """Where the next batch ends; None if it has not been fetched whole."""
        start = self._position
        if len(self._fetched) - start < _OVERHEAD:
            return None
        (length,) = struct.unpack_from(">i", self._fetched, start + _LENGTH_AT)
        end = start + _OVERHEAD + max(0, int(length))
        return end if end <= len(self._fetched) else None


class _EveryRecord(fetcher.PartitionRecords):
    """The records of one partition's fetch, without an end before the last one."""

    def _unpack_records(self) -> Iterator[ConsumerRecord[bytes, bytes]]:
        while self._records.has_next():
            batch = self._records.next_slice()
            known, following = self.next_fetch_offset, self._records.next_base_offset()
            fault = _fault_of(batch)
            if fault is None:
                next_offset = _next_offset(batch, known, following)
                yield from self._intact(batch, next_offset)
            else:
                next_offset = _behind_unreadable(batch, known, following)
                if known < next_offset:
                    self.next_fetch_offset = known + 1
                    yield _unreadable(self._tp, known, 0, batch, fault)
            # A compacted batch may end before its last offset, and an empty one has no record at all.
            self.next_fetch_offset = max(self.next_fetch_offset, next_offset)

    def _intact(self, batch: bytes, next_offset: int) -> Iterator[ConsumerRecord[bytes, bytes]]:
        """The records of a batch that is as its producer made it, whatever that is."""
        try:
            for record in _records_of(batch):
                if self.next_fetch_offset <= record.offset < next_offset:
                    self.next_fetch_offset = record.offset + 1
                    yield self._consumer_record(self._tp, record)  # type: ignore[no-untyped-call]
        except Exception as error:
            for unreadable in self._one_by_one(batch, error):
                if unreadable.offset < next_offset:
                    self.next_fetch_offset = unreadable.offset + 1
                    yield unreadable

    def _one_by_one(self, batch: bytes, error: Exception) -> Iterator[ConsumerRecord[bytes, bytes]]:
        """The rest of a batch that made aiokafka fail, from the next offset on."""
        try:
            for record in _lenient_records(self._tp, batch):
                if record.offset >= self.next_fetch_offset:
                    yield record
        except Exception as structure:
            fault = f"the record batch cannot be read: {type(structure).__name__}: {structure} (after {error!r})"
            yield _unreadable(self._tp, self.next_fetch_offset, 0, batch, fault)


def _next_offset(batch: bytes, known: int, following: int | None) -> int:
    """The offset behind a batch: not before ``known``, so that reading goes on, and not behind where the next batch
    begins, which the broker has assigned, whatever the batch says of itself."""
    header = _HEADER.unpack_from(batch)
    end = header[0] + header[6] + 1
    return int(max(known, end if following is None else min(end, following)))


def _behind_unreadable(batch: bytes, known: int, following: int | None) -> int:
    """The offset behind a batch that ``_fault_of`` finds fault with, whose header may be wrong as well.

    Without a batch behind it, it ends where its header says twice that it does: brokers take from producers only
    batches whose records are as many as their offsets. Otherwise only ``known`` is passed, and what is next the broker
    knows. A batch of an older format has the offset of its last record.
    """
    if following is not None:
        return max(known, following)
    end = int(struct.unpack_from(">q", batch)[0]) + 1
    if _format_of(batch) == _FORMAT and len(batch) >= _HEADER.size:
        header = _HEADER.unpack_from(batch)
        if header[6] + 1 == header[12]:
            end = header[0] + header[12]
    return max(known + 1, end)


def _fault_of(batch: bytes) -> str | None:
    """Why nothing of a batch can be read; None if it is as its producer made it."""
    if _format_of(batch) != _FORMAT:
        return f"the record batch is of format {_format_of(batch)}; only format {_FORMAT} is read"
    if len(batch) < _HEADER.size:
        return "the record batch is shorter than its header"
    if not DefaultRecordBatch(batch).validate_crc():
        return "the checksum is not that of the batch"
    return None


def _format_of(batch: bytes) -> int | None:
    return batch[_FORMAT_AT] if len(batch) > _FORMAT_AT else None


def _records_of(batch: bytes) -> Iterator[Any]:
    """The records as aiokafka reads them; none of a batch of control records."""
    parsed = DefaultRecordBatch(batch)
    if parsed.is_control_batch:
        return
    yield from parsed if parsed.compression_type == 0 else DefaultRecordBatch(_unpacked(batch))


def _unpacked(batch: bytes) -> bytes:
    """The same batch, not compressed. Its checksum is that of the compressed one."""
    (attributes,) = struct.unpack_from(">h", batch, _ATTRIBUTES_AT)
    records = _decompress(attributes & _CODEC, batch[_HEADER.size :])
    header = bytearray(batch[: _HEADER.size])
    struct.pack_into(">h", header, _ATTRIBUTES_AT, attributes & ~_CODEC)
    struct.pack_into(">i", header, _LENGTH_AT, _HEADER.size - _OVERHEAD + len(records))
    return bytes(header) + records


def _decompress(codec: int, packed: bytes) -> bytes:
    if codec == 0:
        return packed
    if codec == 1:
        unpacker = zlib.decompressobj(31)
        unpacked = unpacker.decompress(packed, MOST_UNPACKED)
        if unpacker.unconsumed_tail:
            raise ValueError(f"the batch unpacks to more than {MOST_UNPACKED} bytes")
        return unpacked
    if codec == 2:
        return bytes(snappy_decode(packed))  # at most twenty times as large
    if codec not in (3, 4):
        raise UnsupportedCodecError(f"unknown compression {codec}")
    # Of memory that is mapped only what is written to is there; to fill that much with zeros takes 15 ms a batch.
    with mmap(-1, MOST_UNPACKED) as room:
        size = (cramjam.lz4 if codec == 3 else cramjam.zstd).decompress_into(packed, room)
        return room[:size]


def _lenient_records(place: Any, batch: bytes) -> Iterator[ConsumerRecord[bytes, bytes]]:
    """The records of a batch one by one; those with a header name that is not UTF-8 with that name escaped."""
    header = _HEADER.unpack_from(batch)
    base_offset, attributes, first_timestamp, count = header[0], header[5], header[7], header[12]
    data = bytearray(_decompress(attributes & _CODEC, batch[_HEADER.size :]))
    position = 0
    for _ in range(count):
        length, start = decode_varint(data, position)
        position = start + length
        if length < 0 or position > len(data):
            raise ValueError("a record is longer than its batch")
        reader = _Reader(data, start + 1)  # behind the attributes, of which there are none
        timestamp, offset = first_timestamp + reader.number(), base_offset + reader.number()
        raw = bytes(data[start:position])
        try:
            key, value = reader.bytes(), reader.bytes()
            headers: Any = [
                ((reader.bytes() or b"").decode("utf-8", "backslashreplace"), reader.bytes())
                for _ in range(reader.number())
            ]
        except (IndexError, ValueError) as error:
            yield _unreadable(place, offset, timestamp, raw, f"the record cannot be read: {error!r}")
        else:
            sizes = len(key or b""), len(value or b"")
            yield ConsumerRecord(
                place.topic, place.partition, offset, timestamp, 0, key, value, None, *sizes, tuple(headers)
            )


class _Reader:
    def __init__(self, data: bytearray, position: int) -> None:
        self._data, self._position = data, position

    def number(self) -> int:
        value, self._position = decode_varint(self._data, self._position)
        return int(value)

    def bytes(self) -> bytes | None:
        length = self.number()
        if length < 0:
            return None
        start, self._position = self._position, self._position + length
        if self._position > len(self._data):
            raise ValueError("a field is longer than its record")
        return bytes(self._data[start : self._position])


def _unreadable(place: Any, offset: int, timestamp: int, fetched: bytes, fault: str) -> UnreadableRecord:
    return UnreadableRecord(
        place.topic, place.partition, offset, timestamp, 0, None, fetched, None, 0, len(fetched), (), fault
    )
