"""The digest of a decision: whoever alters its stored inputs or results later leaves a decision that it does not fit.

SHA-256 over JSON with sorted keys, so that it comes out the same from the values as they are written and as they are
read back. It protects against mistakes and against a hand in the database that does not know of it; it is no signature.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

_PREFIX = "v2:"
"""Digests without it were made over bytes that the database does not keep: they cannot be verified."""


def canonical_json(value: Any) -> bytes:
    """JSON that is the same for equal values."""
    return orjson.dumps(value, default=list, option=orjson.OPT_SORT_KEYS)


def is_verifiable(digest: str) -> bool:
    """Whether a stored digest can be made again from what is stored with it."""
    return digest.startswith(_PREFIX)


class DecisionDigest:
    """Made of the steps of a decision, then of its lines in the order of step and rank."""

    def __init__(self, steps: bytes) -> None:
        self._hash = hashlib.sha256(steps)

    @classmethod
    def of_steps(cls, steps: Sequence[Mapping[str, Any]]) -> DecisionDigest:
        """Begin with the steps as values."""
        return cls(canonical_json(steps))

    def add_line(self, line: tuple[int, int, str, str, int, int], reason: tuple[str | None, str], facts: bytes) -> None:
        """Add a line: (step, rank, line id, SKU, quantity, granted units), code and parameters of its reason, and what
        was known of it; parameters and facts as canonical JSON, the former empty where there are none."""
        self._hash.update(f"{line}{reason}".encode())
        self._hash.update(facts)

    def text(self) -> str:
        """The digest as it is stored."""
        return f"{_PREFIX}{self._hash.hexdigest()}"
