"""The benchmark: every policy on the same worlds, one process a core, and the figures over all seeds."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from types import MappingProxyType
from typing import NamedTuple

from allocation_service.simulation.bound import clairvoyant_cost
from allocation_service.simulation.contenders import JUDGED, contender
from allocation_service.simulation.figures import FIFO, FigureRow, Seeded, rows_of
from allocation_service.simulation.measures import measure
from allocation_service.simulation.request import Documents
from allocation_service.simulation.running import run, watched
from allocation_service.simulation.setting import Scenario, Size
from allocation_service.simulation.ship_complete import ship_complete_rows
from allocation_service.simulation.streams import Sold, World, draw, generated, world_of
from allocation_service.simulation.supply import Buyer


class ExperimentPlan(NamedTuple):
    """What to simulate. ``sold``: the lines of real orders in place of generated ones; ``documents``: policies
    of the caller's own, beside those known by name."""

    policies: tuple[str, ...]
    scenarios: tuple[Scenario, ...]
    size: Size
    sold: tuple[Sold, ...] | None = None
    documents: Documents = MappingProxyType({})

    @property
    def steps(self) -> int:
        """How many worlds there are to simulate."""
        return len(self.scenarios) * self.size.seeds


class Result(NamedTuple):
    """The figures and what they are of."""

    rows: tuple[FigureRow, ...]
    lines: float
    """Order lines of a world, on average over seeds."""


Progress = Callable[[int, int], None]
"""Called with (worlds done, worlds in all)."""


class _Done(NamedTuple):
    seeded: Seeded
    lines: int


def simulate(plan: ExperimentPlan, progress: Progress | None = None, workers: int | None = None) -> Result:
    """Run the plan. Raises ValueError for an unknown policy before anything is computed.

    The order in which worlds are finished does not matter: the same plan gives the same result.
    """
    policies = _with_fifo((*plan.policies, *plan.documents))
    for name in policies:
        contender(name, plan.documents)
    done: dict[tuple[str, int], _Done] = {}
    report = progress or (lambda finished, total: None)
    report(0, plan.steps)
    for key, found in _compute(plan, policies, workers or os.cpu_count() or 1):
        done[key] = found
        report(len(done), plan.steps)
    rows: list[FigureRow] = []
    seeds = range(plan.size.first_seed, plan.size.first_seed + plan.size.seeds)
    for scenario in plan.scenarios:
        seeded = [done[scenario.name, seed].seeded for seed in seeds]
        rows += rows_of(scenario.name, seeded, policies, (*JUDGED, *plan.documents))
    rows += ship_complete_rows(seeds)
    lines = sum(one.lines for one in done.values()) / max(1, len(done))
    return Result(tuple(rows), lines)


def _with_fifo(policies: Sequence[str]) -> tuple[str, ...]:
    """FIFO is always among them: the others are measured against it."""
    return tuple(dict.fromkeys((FIFO, *policies)))


def _compute(plan: ExperimentPlan, policies: tuple[str, ...], workers: int) -> Iterator[tuple[tuple[str, int], _Done]]:
    tasks = [
        (scenario, plan.size.first_seed + number) for scenario in plan.scenarios for number in range(plan.size.seeds)
    ]
    workers = min(workers, len(tasks))
    if workers <= 1:
        for scenario, seed in tasks:
            yield (scenario.name, seed), _world_done(plan, policies, scenario, seed)
        return
    sent = plan._replace(documents=dict(plan.documents))
    pool = ProcessPoolExecutor(workers, get_context("spawn"), initializer=_keep, initargs=(sent, policies))
    with pool:
        futures = {pool.submit(_kept_world_done, *task): task for task in tasks}
        try:
            for future in as_completed(futures):
                scenario, seed = futures[future]
                yield (scenario.name, seed), future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


_kept: list[tuple[ExperimentPlan, tuple[str, ...]]] = []
"""The plan of this worker process, sent once and not with every task: real orders are long."""


def _keep(plan: ExperimentPlan, policies: tuple[str, ...]) -> None:
    _kept[:] = [(plan, policies)]


def _kept_world_done(scenario: Scenario, seed: int) -> _Done:
    plan, policies = _kept[0]
    return _world_done(plan, policies, scenario, seed)


def _world_done(plan: ExperimentPlan, policies: tuple[str, ...], scenario: Scenario, seed: int) -> _Done:
    world = _world(plan, scenario, seed)
    supplies, bound = {}, 0.0
    for sku, lines in world.lines.items():
        rate = sum(line.quantity for line in lines) / world.days
        buyer = Buyer(scenario, rate, draw(seed, f"supply of {sku}"))
        supplies[sku] = watched(lines, contender(FIFO, {}), world.days, buyer)
        bound += clairvoyant_cost(lines, supplies[sku], world.days)
    measures = {
        name: measure(
            (
                (lines, run(lines, contender(name, plan.documents), world.days, supplies[sku]))
                for sku, lines in world.lines.items()
            ),
            world.days,
        )
        for name in policies
    }
    return _Done(Seeded(seed, bound, measures), sum(len(lines) for lines in world.lines.values()))


def _world(plan: ExperimentPlan, scenario: Scenario, seed: int) -> World:
    if plan.sold is None:
        return generated(seed, plan.size, patience_from_due=scenario.patience_from_due)
    return world_of(plan.sold, seed, float(plan.size.days), patience_from_due=scenario.patience_from_due)
