"""Records as anybody with access to a topic can write them: seeded, so that a run can be repeated."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import NamedTuple

import orjson

from event_contracts import Event
from service_kit.messaging.event_log import Headers

_CE_TYPES: tuple[bytes, ...] = (
    b"backorder.OrderPlaced.v1", b"backorder.OrderPlaced.v2", b"backorder.OrderPlaced.v0", b"backorder.OrderPlaced",
    b"backorder.OrderShipped.v1", b"backorder..v1", b"", b"com.other.Thing", b"\xff\xfe", b"x" * 5000,
    b"backorder.OrderPlaced.v1\x00", "backorder.OrderPlaced.v1".encode("utf-16"),
)  # fmt: skip
_NAMES = (
    "ce_specversion", "ce_id", "ce_type", "ce_source", "ce_time", "ce_partitionkey", "ce_sequence", "ce_correlationid",
    "ce_causationid", "traceparent", "content-type", "", "\x00", "ключ", "🛋" * 40, "n" * 3000,
)  # fmt: skip
_VALUES = (
    None, b"", b"\x00", b"\xff\xfe\xfd", b"1.0", b"0.3", b"a", b"x" * 20_000, "ü€🛋".encode(), b"-1", b"9" * 19,
    b"9" * 400, b"NaN", b"0x10", b"2026-01-05T00:00:00Z", b"0001-01-01T00:00:00+23:59", b"00-zz-zz-00",
    b"9999-12-31T23:59:59-23:59",
    b"\xed\xa0\x80", b"\xef\xbb\xbf1", b"2026-13-45", "١٢٣".encode(), b"k" * 201,
)  # fmt: skip
_JSON = (
    None, b"", b"{", b"[]", b"null", b"true", b'"x"', b"\xef\xbb\xbf{}", b"\xff\xff", b"[" * 10_000, b'{"a":' * 5_000,
    b"1e400", b"NaN", b"-Infinity", b'{"order_id": "\\ud800"}', b'{"order_id": "\\u0000"}', b"9" * 10_000, b"{}" * 3,
    b"\x00" * 100, b'{"order_id": 1, "order_id": 2}',
)  # fmt: skip
_FIELD_VALUES: tuple[object, ...] = (
    None, True, -1, 0, 1.5, 10**9 + 1, 2**63, "", "x" * 300, "\x00", "🛋" * 150, [], {}, [[[[]]]], {"a": {"b": {}}},
    "9999-12-31T23:59:59-23:59", "2026-01-05", "NaN", {"": 1}, [None],
)  # fmt: skip


class OddRecord(NamedTuple):
    """A record without a place in the log yet."""

    key: bytes | None
    value: bytes | None
    headers: Headers


def odd_records(seed: int, like: Callable[[random.Random], Event], count: int) -> Iterator[OddRecord]:
    """``count`` records that resemble the events of ``like``, each with something about it that no event has.

    Some may still be readable: an odd header that nobody reads, or an odd value that happens to fit.
    """
    choice = random.Random(seed)  # noqa: S311
    for _ in range(count):
        event = like(choice)
        record = OddRecord(event.key.encode(), event.value(), event.headers())
        for _ in range(choice.choice((1, 1, 1, 2, 3, 6))):
            record = choice.choice(_CHANGES)(choice, record)
        yield record


def _another_key(choice: random.Random, record: OddRecord) -> OddRecord:
    return record._replace(key=choice.choice(_VALUES))


def _no_value(choice: random.Random, record: OddRecord) -> OddRecord:
    return record._replace(value=None, headers=choice.choice((record.headers, ())))


def _another_value(choice: random.Random, record: OddRecord) -> OddRecord:
    return record._replace(value=choice.choice(_JSON))


def _cut_value(choice: random.Random, record: OddRecord) -> OddRecord:
    return record._replace(value=(record.value or b"")[: choice.randrange(200)])


def _noise(choice: random.Random, record: OddRecord) -> OddRecord:
    value = bytearray(record.value or b"x")
    for _ in range(choice.randrange(1, 8)):
        value[choice.randrange(len(value))] = choice.randrange(256)
    return record._replace(value=bytes(value))


def _odd_field(choice: random.Random, record: OddRecord) -> OddRecord:
    try:
        data = orjson.loads(record.value or b"{}")
    except orjson.JSONDecodeError:
        return record
    if not isinstance(data, dict):
        return record
    data[choice.choice((*data, "unheard of"))] = choice.choice(_FIELD_VALUES)
    return record._replace(value=orjson.dumps(data, option=orjson.OPT_PASSTHROUGH_SUBCLASS, default=str))


def _odd_header(choice: random.Random, record: OddRecord) -> OddRecord:
    name = choice.choice(_NAMES)
    return record._replace(headers=[(n, v) for n, v in record.headers if n != name] + [(name, choice.choice(_VALUES))])


def _no_header(choice: random.Random, record: OddRecord) -> OddRecord:
    name = choice.choice(_NAMES)
    return record._replace(headers=[(n, v) for n, v in record.headers if n != name])


def _header_twice(choice: random.Random, record: OddRecord) -> OddRecord:
    return record._replace(headers=[*record.headers, (choice.choice(_NAMES), choice.choice(_VALUES))])


def _another_type(choice: random.Random, record: OddRecord) -> OddRecord:
    headers = [(n, v) for n, v in record.headers if n != "ce_type"]
    return record._replace(headers=[("ce_type", choice.choice(_CE_TYPES)), *headers])


def _many_headers(choice: random.Random, record: OddRecord) -> OddRecord:
    return record._replace(headers=[*record.headers, *((f"h{n}", b"v") for n in range(choice.randrange(300)))])


def _random_header(choice: random.Random, record: OddRecord) -> OddRecord:
    return record._replace(headers=[*record.headers, (choice.choice(_NAMES), choice.randbytes(choice.randrange(64)))])


_CHANGES: tuple[Callable[[random.Random, OddRecord], OddRecord], ...] = (
    _another_key, _no_value, _another_value, _cut_value, _noise, _odd_field, _odd_header, _no_header, _header_twice,
    _another_type, _many_headers, _random_header,
)  # fmt: skip
