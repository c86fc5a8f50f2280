"""Kafka headers as a value of one table column."""

from __future__ import annotations

from collections.abc import Iterable

import orjson


def pack_headers(headers: Iterable[tuple[str, bytes]]) -> bytes:
    """Kafka headers as JSON pairs, one character a byte: readable for text and lossless for anything."""
    return orjson.dumps([(key, value.decode("latin-1")) for key, value in headers])


def unpack_headers(packed: bytes) -> list[tuple[str, bytes]]:
    """The headers that ``pack_headers`` packed."""
    return [(key, value.encode("latin-1")) for key, value in orjson.loads(packed)]
