"""Allocation between its neighbours, on whichever stores: their events go in, and what it answered comes out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from tests.scenario import Neighbours

from allocation_service.adapters.local_effects import LocalEffects
from allocation_service.application.allocating.deferred_orders import decide_all_deferred_orders
from allocation_service.application.policies.policy_choice import DEFAULT, Target
from allocation_service.application.policies.policy_records import Window
from allocation_service.application.session.options import Options
from allocation_service.domain.policies.policy import Policy
from allocation_service.domain.policies.policy_document import written_document
from allocation_service.wording.reason_words import published_words
from event_contracts import Event


@dataclass(kw_only=True)
class AllocationScenario(Neighbours, ABC):
    """Gives its neighbours' events to the real use cases; a subclass says on which stores."""

    options: Options = field(default_factory=lambda: Options(published_words, effects=LocalEffects()))

    @property
    @abstractmethod
    def units(self) -> Any:
        """Opens units of work on its stores."""

    # -- what merchandisers say --

    async def use(self, policy: Policy, target: Target = DEFAULT) -> Policy:
        """Let a target (everything, by default) follow a policy from now on; the version that was made."""
        name = ":".join(part for part in target if part)
        async with self.units.begin() as uow:
            await uow.policies.create_policy(name)
            await uow.policies.retire(name, None, "test")
            made = await uow.policies.write_active(name, written_document(policy), "test")
            await uow.assignments.assign(target, name, "test")
            await uow.assignments.want_review(policy=name)
            await uow.commit()
        found: Policy = made.policy
        return found

    async def season(self, policy: Policy, window: Window, name: str = "default") -> None:
        """Activate a version of a policy with a window."""
        async with self.units.begin() as uow:
            await uow.policies.create_policy(name)
            await uow.policies.write_draft(name, written_document(policy), "", "test")
            draft = (await uow.policies.read_versions(name))[0]
            await uow.policies.activate(draft, window, None, "test")
            await uow.commit()

    @abstractmethod
    async def aim_at(self, target: int | None) -> None:
        """Let so many of 100 first dates be kept; None takes dates as they are announced, as tests do unless they say
        otherwise."""

    # -- the use cases --

    async def apply(self, *events: Event, deferred_orders: bool = True) -> list[Event]:
        """One batch in one transaction; the events it published (and those of the orders it deferred)."""
        await self.handle(events)
        if deferred_orders:
            await self.recheck()
        return await self.published()

    @abstractmethod
    async def apply_at_once(self, *batches: tuple[Sequence[Event], bool]) -> None:
        """Batches as several workers apply them, each of which then decides deferred orders, or not."""

    async def recheck(self) -> int:
        """Decide the orders that were deferred; how many those were."""
        return await decide_all_deferred_orders(self.units, self.options)

    @abstractmethod
    async def handle(self, events: Sequence[Event]) -> None:
        """One batch in one transaction."""

    @abstractmethod
    async def published(self) -> list[Event]:
        """Take what stands in the outbox."""

    # -- what is there afterwards --

    @abstractmethod
    async def line(self, line_id: str) -> Any:
        """A line as it is stored, with the names of the domain's ``Line``."""

    @abstractmethod
    async def granted(self, *line_ids: str) -> list[int]:
        """Units that were ever granted to each line."""

    async def promise(self, line_id: str) -> date | None:
        """The day that a line is promised for."""
        found: date | None = (await self.line(line_id)).promise_date
        return found

    @abstractmethod
    async def check(self) -> None:
        """Every invariant of allocation holds, and every decision comes out the same when it is recomputed."""
