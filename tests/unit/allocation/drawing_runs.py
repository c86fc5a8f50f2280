"""Runs for tests: a few lines by hand, or any that hypothesis draws."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from allocation_service.domain.policies.policy import NO_DATE, Location, Policy, Sort
from allocation_service.domain.runs.run import (
    Filter,
    LeftAlone,
    RunDemand,
    Segment,
    Stock,
    Strategy,
    select,
)
from allocation_service.domain.runs.run_planning import RunPlan, plan_run

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
SOON, LATE = date(2026, 3, 10), date(2026, 4, 10)
SKUS, PLACES = ("A", "B"), ("X", "Y")


def line(
    name: str, requested: int, confirmed: int = 0, *, sku: str = "A", order: str | None = None, **more: object
) -> RunDemand:
    """A candidate that holds its units at X; names sort as they were queued."""
    place = (("X", confirmed),) if confirmed else ()
    queued_at = NOW - timedelta(days=30) + timedelta(minutes=sum(map(ord, name)))
    told = more.get("promise_date")
    claim = {"claim_date": told, "backed": True} if told else {}
    values: dict[str, Any] = {**claim, **more}
    return RunDemand(name, order or f"order {name}", sku, requested, place, queued_at, **values)


def stock(free: int = 0, sku: str = "A", other: int = 0) -> Stock:
    return Stock(sku, (Location("X", 1, free), Location("Y", 2, other)))


def segments(*strategies: Strategy, sort: Sort = Sort.FIFO) -> list[Segment]:
    """One for each strategy, met by the tier of the same name."""
    return [Segment(one, one, Filter(tiers=(one.value,)), sort) for one in strategies]


def planned(free: int, *lines: RunDemand) -> dict[str, int]:
    """Units after the run, of lines whose tier names their strategy."""
    every = segments(*Strategy)
    plan = plan_run({"A": stock(free), "B": stock(free, "B")}, select(lines, every).movable, every, NOW)
    return {one.candidate.line_id: one.new for one in plan.lines}


@st.composite
def runs(draw: st.DrawFn) -> tuple[dict[str, Stock], list[RunDemand], list[Segment]]:
    """Two SKUs at two places, orders of one or two lines of which those that ship complete hold all or nothing."""
    stocks = {
        sku: Stock(
            sku,
            tuple(Location(place, n, draw(st.integers(-1, 6))) for n, place in enumerate(PLACES)),
            draw(st.sampled_from((Policy(), Policy(sort=Sort.PRIORITY)))),
        )
        for sku in SKUS
    }
    lines = []
    for number in range(draw(st.integers(0, 7))):
        complete, full = draw(st.booleans()), draw(st.booleans())
        tier = draw(st.sampled_from(("t0", "t1", "t2")))
        for part in range(draw(st.integers(1, 2))):
            requested = draw(st.integers(1, 6))
            held = (requested if full else 0) if complete else draw(st.integers(0, requested))
            there = draw(st.integers(0, held))
            confirmed = tuple(
                (place, units) for place, units in zip(PLACES, (there, held - there), strict=True) if units
            )
            lines.append(
                RunDemand(
                    f"l{number}-{part}",
                    f"o{number}",
                    draw(st.sampled_from(SKUS)),
                    requested,
                    confirmed,
                    NOW - timedelta(minutes=draw(st.integers(0, 3))),
                    draw(st.integers(0, 2)),
                    draw(st.sampled_from((SOON, LATE, NO_DATE))),
                    draw(st.sampled_from((None, SOON, LATE))),
                    draw(st.sampled_from((None, "X", "Y"))),
                    complete,
                    tier,
                    unit_value=draw(st.integers(0, 500)),
                    held=draw(st.sampled_from((None, None, None, LeftAlone.PINNED))),
                )
            )
    made = [
        Segment(name, draw(st.sampled_from(Strategy)), Filter(tiers=(name,)), draw(st.sampled_from(Sort)))
        for name in ("t0", "t1", "t2")[: draw(st.integers(1, 3))]
    ]
    return stocks, lines, made


def plan_of(run: tuple[dict[str, Stock], list[RunDemand], list[Segment]]) -> RunPlan:
    stocks, lines, made = run
    return plan_run(stocks, select(lines, made).movable, made, NOW)
