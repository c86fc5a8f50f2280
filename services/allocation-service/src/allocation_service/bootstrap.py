"""The one place that wires the allocation service."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta

from allocation_service.adapters.local_effects import LocalEffects
from allocation_service.adapters.sql_unit_of_work import SqlAllocationUnitOfWork
from allocation_service.application.policies.draft_policy import CreatePolicy, create_policies
from allocation_service.application.runs.plan_runs import RunPlanner
from allocation_service.application.runs.request_runs import RequestRun, request_runs
from allocation_service.application.session.business_time import BusinessTime
from allocation_service.application.session.options import Options
from allocation_service.application.simulations.request_simulations import RequestSimulation, request_simulations
from allocation_service.config import AllocationSettings
from allocation_service.wording.reason_words import published_words
from service_kit.commands.command_batcher import CommandBatcher
from service_kit.messaging.sql_unit_of_work import SqlUnitOfWorkFactory
from service_kit.persistence.database import Database
from service_kit.persistence.parked_work import ParkedWork
from service_kit.runtime.clock import Clock, SystemClock


@dataclass(frozen=True, slots=True)
class AllocationApplication:
    """What the entrypoints stand on. ``now`` is the business time, ``clock`` the wall clock.

    ``simulation_wanted`` is set when there is a simulation to run.
    """

    settings: AllocationSettings
    clock: Clock
    database: Database
    units: SqlUnitOfWorkFactory[SqlAllocationUnitOfWork]
    now: BusinessTime
    options: Options
    effects: LocalEffects
    policy_creations: CommandBatcher[CreatePolicy, str]
    run_requests: CommandBatcher[RequestRun, str]
    run_planner: RunPlanner
    simulation_requests: CommandBatcher[RequestSimulation, str]
    simulation_wanted: asyncio.Event
    parked_work: ParkedWork


def wire(
    settings: AllocationSettings | None = None, *, clock: Clock | None = None, database: Database | None = None
) -> AllocationApplication:
    """The parts from the settings (read from the environment by default), on another clock or database in tests."""
    settings = settings or AllocationSettings()
    clock = clock or SystemClock()
    database = database or Database(
        settings.database_url,
        pool_size=settings.pool_size,
        application_name="allocation",
        idle_in_transaction=settings.idle_in_transaction,
    )
    units = SqlUnitOfWorkFactory(database, SqlAllocationUnitOfWork, clock)
    effects = LocalEffects()
    options = Options(published_words, settings.tiers, settings.grace_days, effects)
    now = BusinessTime(units, clock, follow_events=settings.business_clock == "events")
    return AllocationApplication(
        settings=settings,
        clock=clock,
        database=database,
        units=units,
        now=now,
        options=options,
        effects=effects,
        policy_creations=CommandBatcher.on(units, create_policies),
        run_requests=CommandBatcher.on(units, request_runs),
        run_planner=RunPlanner(units, options, now, timedelta(minutes=settings.run_valid_minutes)),
        simulation_requests=CommandBatcher.on(units, request_simulations),
        simulation_wanted=asyncio.Event(),
        parked_work=ParkedWork(database),
    )
