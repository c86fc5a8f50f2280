"""Allocation's unit of work: one transaction with all of its stores."""

from __future__ import annotations

from typing import Protocol

from allocation_service.application.catalogue_lookup import CatalogueLookup
from allocation_service.application.decisions.ports import DecisionViews, QueueViews
from allocation_service.application.lending.ports import LoanViews
from allocation_service.application.maintenance.ports import BackgroundWork, DecisionRetention, InputRetention
from allocation_service.application.policies.ports import PolicyAssignmentStore, PolicyStore
from allocation_service.application.promising.ports import CalendarStore, LatenessStore
from allocation_service.application.runs.ports import PinStore, RunSource, RunStore
from allocation_service.application.session.ports import AllocationStore
from allocation_service.application.simulations.ports import SimulationStore
from service_kit.persistence.unit_of_work import UnitOfWork, UnitOfWorkFactory


class AllocationUnitOfWork(UnitOfWork, Protocol):
    """What the use cases of allocation work on."""

    @property
    def store(self) -> AllocationStore:
        """SKUs, orders, queues and commitments, as decisions need them."""
        ...

    @property
    def policies(self) -> PolicyStore:
        """Policies and their versions."""
        ...

    @property
    def assignments(self) -> PolicyAssignmentStore:
        """Who follows which policy."""
        ...

    @property
    def catalogue(self) -> CatalogueLookup:
        """SKUs and categories that inventory has announced."""
        ...

    @property
    def runs(self) -> RunStore:
        """Runs."""
        ...

    @property
    def run_source(self) -> RunSource:
        """The demand that runs are about."""
        ...

    @property
    def pins(self) -> PinStore:
        """Lines that a person fixed."""
        ...

    @property
    def simulations(self) -> SimulationStore:
        """Simulations."""
        ...

    @property
    def loans(self) -> LoanViews:
        """Loans as they are counted and listed."""
        ...

    @property
    def decisions(self) -> DecisionViews:
        """Decisions as they are shown."""
        ...

    @property
    def queues(self) -> QueueViews:
        """Queues and the lines that wait in them, as they are shown."""
        ...

    @property
    def lateness(self) -> LatenessStore:
        """How late deliveries are, and which dates were kept."""
        ...

    @property
    def calendars(self) -> CalendarStore:
        """By which days locations ship."""
        ...

    @property
    def background(self) -> BackgroundWork:
        """What background loops have to work on."""
        ...

    @property
    def decision_retention(self) -> DecisionRetention:
        """Old decisions."""
        ...

    @property
    def input_retention(self) -> InputRetention:
        """What policies are decided by."""
        ...


Units = UnitOfWorkFactory[AllocationUnitOfWork]
"""Opens allocation's units of work."""
