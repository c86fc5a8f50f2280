"""Stored decisions are recomputed one after the other, and every difference is reported."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from allocation_service.adapters.store.decision_digest import DecisionDigest, canonical_json
from backorder_verify.recomputing.comparison import Comparison, compare
from backorder_verify.recomputing.decision_stream import DecisionRange, stored_decisions

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
RELEASE = {"kind": "release", "order_id": "o"}


def fill(free: int) -> dict[str, Any]:
    policy = {"name": "default", "version": 1, "sort": "fifo", "protect_promises": True}
    return {"kind": "fill", "policy": policy, "blocked": [], "supply": {"A": {"locations": [["HH", 1, free]]}}}


def decision(name: str, *steps: dict[str, Any], summarised: bool = False) -> dict[str, Any]:
    stored = {"decision_id": name, "decided_at": NOW, "summarised": summarised, "steps": orjson.dumps(steps)}
    return {**stored, "digest": "made before digests could be verified"}


def with_digest(stored: dict[str, Any], *lines: dict[str, Any], version: str = "v3:") -> dict[str, Any]:
    """The decision with the digest that fits it and its lines."""
    digest = DecisionDigest.of_steps(orjson.loads(stored["steps"]), stored["decided_at"], version)
    for one in lines:
        figures = (one["step"], one["rank"], one["line_id"], one["sku"], one["quantity"], one["granted"])
        digest.add_line(figures, (one["reason_code"], ""), canonical_json(orjson.loads(one["facts"])))
    return {**stored, "digest": digest.text()}


def line(name: str, line_id: str, wanted: int, granted: int, *, step: int = 0, rank: int = 1) -> dict[str, Any]:
    facts = {"order_id": line_id, "queued_at": NOW, "grants": [["HH", granted]]}
    return {
        "decision_id": name, "step": step, "rank": rank, "line_id": line_id, "sku": "A", "quantity": wanted,
        "granted": granted, "reason_code": "granted", "reason_parameters": None, "facts": orjson.dumps(facts),
    }  # fmt: skip


class Stored:
    """A database of decisions that notes how far each of its streams was read."""

    def __init__(self, decisions: list[dict[str, Any]], lines: list[dict[str, Any]]) -> None:
        self.tables = {"decision_line": lines, "decision": decisions}
        self.read = dict.fromkeys(self.tables, 0)

    async def rows(self, query: str, *values: Any) -> AsyncIterator[Any]:
        first, last = values[:2]
        table = "decision_line" if "FROM decision_line" in query else "decision"
        chosen = [row for row in self.tables[table] if first <= row["decision_id"] <= last]
        if len(values) == 3:
            chosen = (chosen[::-1] if "DESC" in query else chosen)[values[2] :][:1]
        for row in chosen:
            self.read[table] += 1
            yield row


async def compared(stored: Stored) -> Comparison:
    return await compare(stored_decisions(stored.rows, DecisionRange()))


async def test_a_decision_that_comes_out_the_same_is_identical_and_one_that_does_not_is_reported() -> None:
    found = await compared(
        Stored(
            [decision("d1", fill(3)), decision("d2", RELEASE), decision("d3", RELEASE, fill(3))],
            [line("d1", "a", 2, 2), line("d1", "b", 2, 1), line("d2", "x", 2, 0),
             line("d3", "a", 2, 1, step=1), line("d3", "b", 2, 2, step=1)],
        )
    )  # fmt: skip
    assert (found.compared, found.identical, found.different, found.without_policy) == (2, 1, 1, 1)
    assert not found.holds
    (difference,) = found.first_differences
    assert (difference.decision_id, difference.step, difference.kind) == ("d3", 1, "fill")
    assert difference.lines() == ["a: 1 then, 2 now", "b: 2 then, 1 now"]
    assert found.as_data()["first_differences"][0]["lines"] == difference.lines()
    assert (found.first_id, found.last_id, found.lines) == ("d1", "d3", 5)


async def test_a_line_that_lost_its_row_and_inputs_that_cannot_be_read_are_differences_and_stop_nothing() -> None:
    broken = {"kind": "fill", "policy": {"sort": "loudest"}, "supply": {}, "blocked": []}
    found = await compared(Stored([decision("d1", broken), decision("d2", fill(2))], [line("d2", "a", 2, 2)]))
    assert (found.compared, found.identical) == (2, 1)
    assert found.first_differences[0].lines()[0].startswith("cannot be recomputed: ValueError")


async def test_summarised_decisions_are_counted_and_what_is_left_of_their_lines_is_not_compared() -> None:
    stored = Stored(
        [decision("d1", summarised=True), decision("d2", fill(2))], [line("d1", "open", 2, 0), line("d2", "a", 2, 2)]
    )
    found = await compared(stored)
    assert (found.summarised, found.compared, found.identical, found.holds) == (1, 1, 1, True)


async def test_no_more_than_ten_differences_are_shown_and_all_are_counted() -> None:
    names = [f"d{number:02}" for number in range(25)]
    found = await compared(
        Stored([decision(name, fill(1)) for name in names], [line(name, "a", 2, 2) for name in names])
    )
    assert (len(found.first_differences), found.different) == (10, 25)


@pytest.mark.parametrize(
    ("chosen", "names"),
    [
        (DecisionRange(), ["d1", "d2", "d3", "d4"]),
        (DecisionRange("d2", "d3"), ["d2", "d3"]),
        (DecisionRange(limit=2), ["d1", "d2"]),
        (DecisionRange(limit=2, newest=True), ["d3", "d4"]),
        (DecisionRange("d2", limit=9), ["d2", "d3", "d4"]),
        (DecisionRange(limit=1, last="d3", newest=True), ["d3"]),
    ],
)
async def test_a_range_is_read_in_the_order_the_decisions_were_made(chosen: DecisionRange, names: list[str]) -> None:
    every = ["d1", "d2", "d3", "d4"]
    stored = Stored([decision(name, fill(2)) for name in every], [line(name, "a", 2, 2) for name in every])
    found = [(one.decision_id, len(one.lines)) async for one in stored_decisions(stored.rows, chosen)]
    assert found == [(name, 1) for name in names]


async def test_decisions_are_read_one_at_a_time() -> None:
    every = [f"d{number}" for number in range(9)]
    stored = Stored([decision(name, fill(2)) for name in every], [line(name, "a", 2, 2) for name in every])
    reading = stored_decisions(stored.rows, DecisionRange())
    await anext(reading)
    assert stored.read == {"decision": 1, "decision_line": 2}


def test_decisions_since_a_moment_are_found_by_their_ids() -> None:
    first, last = DecisionRange(since=datetime(2026, 3, 2, 9, tzinfo=UTC)).bounds()
    stamp = int(datetime(2026, 3, 2, 9, tzinfo=UTC).timestamp() * 1000)
    assert first.replace("-", "") == f"{stamp:012x}"
    assert first < f"{first}-7abc-8def-0123456789ab" < last
    assert DecisionRange("zz", since=NOW).bounds()[0] == "zz"


@pytest.mark.parametrize("column", ["quantity", "rank", "reason_code", "sku"])
async def test_a_decision_that_was_altered_is_reported_though_it_comes_out_the_same(column: str) -> None:
    kept = line("d1", "a", 2, 2)
    whole, altered = with_digest(decision("d1", fill(2)), kept), {**kept, column: kept[column] * 2}
    assert (await compared(Stored([whole], [kept]))).holds
    found = await compared(Stored([whole], [altered]))
    assert not found.holds
    assert (found.altered, found.first_altered) == (1, ["d1"])
    assert found.as_data()["first_altered"] == ["d1"]


@pytest.mark.parametrize(("version", "altered"), [("v3:", 1), ("v2:", 0)])
async def test_a_decision_whose_time_was_altered_is_reported_if_its_digest_covers_it(
    version: str, altered: int
) -> None:
    kept = line("d1", "a", 2, 2)
    whole = with_digest(decision("d1", fill(2)), kept, version=version)
    assert (await compared(Stored([whole], [kept]))).holds
    later = {**whole, "decided_at": NOW + timedelta(seconds=1)}
    assert (await compared(Stored([later], [kept]))).altered == altered


async def test_a_summarised_decision_cannot_be_told_to_be_altered() -> None:
    whole = {**with_digest(decision("d1", fill(2)), line("d1", "a", 2, 2)), "summarised": True, "steps": b"[]"}
    assert (await compared(Stored([whole], []))).holds
