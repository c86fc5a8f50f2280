"""Kafka headers as a value of one table column."""

from __future__ import annotations

from collections.abc import Iterable

import orjson


def pack_headers(headers: Iterable[tuple[str, bytes | None]]) -> bytes:
    """Kafka headers as JSON pairs, one character a byte: readable for text and lossless for anything."""
    return orjson.dumps([(key, None if value is None else value.decode("latin-1")) for key, value in headers])


def unpack_headers(packed: bytes) -> list[tuple[str, bytes | None]]:
    """The headers that ``pack_headers`` packed."""
    return [(key, None if value is None else value.encode("latin-1")) for key, value in orjson.loads(packed)]
