"""The digest of a decision: whoever alters its stored inputs or results later leaves a decision that it does not fit.

SHA-256 over JSON with sorted keys, so that it comes out the same from the values as they are written and as they are
read back. It protects against mistakes and against a hand in the database that does not know of it; it is no signature.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson

_TIMELESS, _PREFIX = "v2:", "v3:"
"""What digests begin with: those of the second version do not cover the time of the decision. Those without either
were made over bytes that the database does not keep: they cannot be verified."""


def canonical_json(value: Any) -> bytes:
    """JSON that is the same for equal values."""
    return orjson.dumps(value, default=list, option=orjson.OPT_SORT_KEYS)


def is_verifiable(digest: str) -> bool:
    """Whether a stored digest can be made again from what is stored with it."""
    return digest.startswith((_TIMELESS, _PREFIX))


class DecisionDigest:
    """Made of the steps of a decision (as canonical JSON) and its time, then of its lines in the order of step and
    rank. ``like``: the stored digest that it is compared with, whose version it has."""

    def __init__(self, steps: bytes, decided_at: datetime, like: str = _PREFIX) -> None:
        self._hash = hashlib.sha256(steps)
        self._prefix = _TIMELESS if like.startswith(_TIMELESS) else _PREFIX
        if self._prefix == _PREFIX:
            self._hash.update(decided_at.astimezone(UTC).isoformat().encode())

    @classmethod
    def of_steps(cls, steps: Sequence[Mapping[str, Any]], decided_at: datetime, like: str = _PREFIX) -> DecisionDigest:
        """Begin with the steps as values."""
        return cls(canonical_json(steps), decided_at, like)

    def add_line(self, line: tuple[int, int, str, str, int, int], reason: tuple[str | None, str], facts: bytes) -> None:
        """Add a line: (step, rank, line id, SKU, quantity, granted units), code and parameters of its reason, and what
        was known of it; parameters and facts as canonical JSON, the former empty where there are none."""
        self._hash.update(f"{line}{reason}".encode())
        self._hash.update(facts)

    def text(self) -> str:
        """The digest as it is stored."""
        return f"{self._prefix}{self._hash.hexdigest()}"
