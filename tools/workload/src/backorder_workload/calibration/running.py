"""Runs worlds, one process each, and compares their figures with what is to be reached."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from datetime import timedelta
from typing import NamedTuple

from backorder_workload.calibration.judging import WorldFigures, figures_of
from backorder_workload.calibration.shop import DRAIN_DAYS, Shop
from backorder_workload.calibration.worlds import WORLDS, World
from backorder_workload.replay.catalogue import draw_catalogue
from backorder_workload.replay.order_stream import Stream

MOST_SLACK_DAYS = 11.0
MOST_OVERSTATED = 0.05


class Goal(NamedTuple):
    """The share of first dates to be kept, at least and at most, and the most dates that may move, of 100 lines."""

    least: float
    most: float = 1.0
    moves: float | None = None
    rolling: float | None = None
    slack_days: float | None = None


GOALS: dict[str, Goal] = {
    "as it is": Goal(0.95, 0.975, 7, 0.8, MOST_SLACK_DAYS),
    "worse": Goal(0.95),
    "silent": Goal(0.95),
    "short": Goal(0.95),
    "strike": Goal(0.85, moves=25),
    "after the strike": Goal(0.94),
    "first fortnight": Goal(0.94),
    "target 90": Goal(0.90, 0.955),
    "no purchase orders": Goal(0.95, 0.98),
}


class WorldResult(NamedTuple):
    """What came of a world."""

    name: str
    meaning: str
    figures: WorldFigures

    def missed(self) -> list[str]:
        """The figures that do not reach their goal."""
        goal, found = GOALS.get(self.name), self.figures
        if goal is None:
            return []
        faults = {
            "kept": not goal.least <= found.kept <= goal.most,
            "rolling": goal.rolling is not None and found.rolling_least < goal.rolling,
            "slack": goal.slack_days is not None and found.slack_days > goal.slack_days,
            "moves": goal.moves is not None and found.moves_per_100 > goal.moves,
            "told": found.told_in_time < 1,
            "confidence": found.overstated > MOST_OVERSTATED,
        }
        return [name for name, fault in faults.items() if fault]


def run_world(stream: Stream, world: World, seed: int) -> WorldResult:
    """One world, from its first order to the last date that could come due."""
    catalogue = draw_catalogue(stream.orders, seed=seed)
    judged = Shop(catalogue, stream, world, seed=seed).run()
    first, last = world.judged or (0, math.inf)
    chosen = [one for one in judged if first <= (one.asked_on - catalogue.opened_on).days < last]
    until = stream.orders[-1].placed_at.date() + timedelta(days=DRAIN_DAYS)
    return WorldResult(world.name, world.meaning, figures_of(chosen, until))


def run_worlds(
    stream: Stream, names: Sequence[str], seed: int, workers: int, done: Callable[[], None]
) -> list[WorldResult]:
    """Those worlds, in the order of WORLDS; ``done`` after each."""
    chosen = [world for world in WORLDS if world.name in names]
    if workers == 1:
        return list(_each(stream, chosen, seed, done))
    with ProcessPoolExecutor(workers) as pool:
        running = {pool.submit(run_world, stream, world, seed): world.name for world in chosen}
        found = {}
        for future in as_completed(running):
            found[running[future]] = future.result()
            done()
    return [found[world.name] for world in chosen]


def _each(stream: Stream, worlds: Sequence[World], seed: int, done: Callable[[], None]) -> Iterator[WorldResult]:
    for world in worlds:
        yield run_world(stream, world, seed)
        done()
