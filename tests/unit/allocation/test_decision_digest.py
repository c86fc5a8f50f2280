"""The digest of a decision can be made again from what the database gives back, and from nothing else."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from allocation_service.adapters.store.decision_digest import DecisionDigest, canonical_json, is_verifiable

STEPS = [{"kind": "fill", "supply": {"b": 1, "a": (1, 2)}}]
LINE = (0, 1, "line-1", "lamp", 3, 2)
REASON = ("granted", "")
FACTS = {"tier": "gold", "queued_at": "2026-03-02T09:00:00Z", "grants": [["HH", 2]]}


AT = datetime(2026, 3, 2, 9, 0, 0, 1, tzinfo=UTC)


def digest(  # noqa: PLR0917
    steps: object = STEPS,
    line: object = LINE,
    reason: object = REASON,
    facts: object = FACTS,
    at: datetime = AT,
    like: str = "v3:",
) -> str:
    made = DecisionDigest(canonical_json(steps), at, like)
    made.add_line(line, reason, canonical_json(facts))  # type: ignore[arg-type]
    return made.text()


def test_it_is_the_same_however_the_database_sorts_its_keys() -> None:
    shuffled = {key: FACTS[key] for key in sorted(FACTS, reverse=True)}
    assert digest(facts=shuffled) == digest()
    assert digest(at=AT.astimezone(timezone(timedelta(hours=2)))) == digest(), "a moment, in whatever zone"
    assert is_verifiable(digest())
    assert not is_verifiable("0f" * 32)


@pytest.mark.parametrize(
    "altered",
    [
        {"steps": [{"kind": "fill", "supply": {"a": [1, 2], "b": 2}}]},
        {"line": (0, 1, "line-1", "lamp", 3, 3)},
        {"line": (0, 2, "line-1", "lamp", 3, 2)},
        {"line": (0, 1, "line-2", "lamp", 3, 2)},
        {"reason": ("ran_out", "")},
        {"reason": ("granted", '{"units":1}')},
        {"facts": FACTS | {"tier": "silver"}},
        {"at": AT + timedelta(microseconds=1)},
    ],
)
def test_whatever_is_altered_it_differs(altered: dict[str, Any]) -> None:
    assert digest(**altered) != digest()


def test_a_digest_of_the_second_version_does_not_cover_the_time() -> None:
    older = digest(like="v2:0f")
    assert older.startswith("v2:")
    assert is_verifiable(older)
    assert digest(like=older, at=AT + timedelta(days=1)) == older
    assert digest(like=older, reason=("ran_out", "")) != older


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text() | st.floats(-1e9, 1e9, allow_subnormal=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(VALUES)
def test_json_that_was_read_back_is_written_alike(value: object) -> None:
    written = canonical_json(value)
    assert canonical_json(orjson.loads(written)) == written
