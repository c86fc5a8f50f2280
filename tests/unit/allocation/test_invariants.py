"""The checks that tests in memory end with are those of the service, and they find what is broken."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.scenario import START
from tests.unit.allocation.in_memory_invariants import (
    BY_DERIVATION,
    BY_THE_CLOCK,
    CHECKS,
    IDLE_IN_PARTS,
    IDLE_WHOLE,
    replays,
    violations,
)
from tests.unit.allocation.in_memory_state import AllocationState
from tests.unit.allocation.scenario import InMemoryAllocation

from allocation_service.domain.promising.line_promise import CountedUnits
from allocation_service.domain.supply.sku import Inbound, Level
from allocation_service.invariants import INVARIANTS


def test_every_invariant_of_the_service_has_its_twin_in_memory():
    assert {*CHECKS, IDLE_IN_PARTS, IDLE_WHOLE, BY_DERIVATION, BY_THE_CLOCK} == {one.name for one in INVARIANTS}


@pytest.fixture
async def busy() -> InMemoryAllocation:
    """Units of A are granted to o1, o2 waits for some, o3 is undecided, o4 waits for all of A and B."""
    world = InMemoryAllocation()
    await world.apply(world.sku("A"), world.sku("B"), world.stock("A", 3))
    await world.apply(world.order("o1", ("A", 3))[1], world.order("o2", ("A", 2))[1], world.order("o3", ("C", 1))[1])
    await world.apply(world.order("o4", ("A", 1), ("B", 1), ship_complete=True)[1])
    await world.check()
    return world


def _line(name: str, **values: Any) -> Callable[[AllocationState], None]:
    def change(state: AllocationState) -> None:
        state.lines[name] = replace(state.lines[name], **values)

    return change


def _row(table: str, key: Any, **values: Any) -> Callable[[AllocationState], None]:
    def change(state: AllocationState) -> None:
        rows = getattr(state, table)
        rows[key] = replace(rows[key], **values)

    return change


def _promised(state: AllocationState) -> None:
    (sku, day), units = next(iter(state.promised.items()))
    state.promised[sku, day + timedelta(days=1)] = state.promised.pop((sku, day))
    assert units


def _claimed(state: AllocationState) -> None:
    (sku, day), units = next(iter(state.claimed.items()))
    state.claimed[sku, day - timedelta(days=1)] = state.claimed.pop((sku, day))
    assert units


def _more_backed(state: AllocationState) -> None:
    (sku, day), units = next(iter(state.promised.items()))
    state.promised[sku, day] = units.plus(0, 99)


def _unbacked(state: AllocationState) -> None:
    state.inbound["more"] = ("A", Inbound("more", 99, START, "S", "HH", 1))


def _stock_for_all(state: AllocationState) -> None:
    state.lines = {name: line for name, line in state.lines.items() if name.startswith("o4")}
    state.skus["A"] = replace(state.skus["A"], waiting_units=1)
    state.promised = dict.fromkeys(state.promised, CountedUnits(1, 0))
    state.claimed = dict.fromkeys(state.claimed, CountedUnits(1, 0))
    state.levels = {(sku, "HH"): Level("HH", on_hand=1) for sku in "AB"}


@pytest.mark.parametrize(
    ("name", "planted"),
    [
        ("allocation: line quantities", _line("o1-1", quantity=4)),
        ("allocation: line sums", _line("o1-1", granted={"HH": 2})),
        ("allocation: cancelled or allocated", _line("o1-1", cancelled=1)),
        ("allocation: everything decided", _row("skus", "C", known=True)),
        ("allocation: granted counter", _row("levels", ("A", "HH"), granted=2)),
        ("allocation: waiting counter", _row("skus", "A", waiting_units=9)),
        ("allocation: promised buckets", _promised),
        ("allocation: claim counters", _claimed),
        ("allocation: backed by known supply", _more_backed),
        ("allocation: known supply backs in turn", _unbacked),
        ("allocation: granted within supply", _row("levels", ("A", "HH"), on_hand=2)),
        ("allocation: complete or nothing", _row("orders", "o2", ship_complete=True)),
        ("allocation: loans owed", _row("skus", "A", open_loans=1)),
        (IDLE_IN_PARTS, _row("levels", ("A", "HH"), on_hand=4)),
        (IDLE_WHOLE, _stock_for_all),
    ],
)
async def test_what_is_broken_is_found_by_its_name(
    busy: InMemoryAllocation, name: str, planted: Callable[[AllocationState], None]
) -> None:
    if name == "allocation: complete or nothing":
        await busy.apply(busy.stock("A", 1))
    planted(busy.units.state)
    found = await violations(busy.units, busy.options, at_rest=True)
    assert any(one.startswith(f"{name}: ") for one in found), found


async def test_a_decision_that_does_not_follow_is_found(busy: InMemoryAllocation) -> None:
    decisions = busy.units.state.decisions
    assert await replays(decisions.values()) == []
    granting = next(one for one in decisions.values() if any(row.granted for row, _ in one.rows))
    rows = tuple((row._replace(granted=row.granted + 1), facts) for row, facts in granting.rows)
    (found,) = await replays([granting._replace(rows=rows)])
    assert granting.decision_id in found
