"""The stores in memory bring about what those on PostgreSQL do: one history, told to both, has the same events."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import time
from typing import Any

import pytest
from tests.unit.allocation import loan_history, random_history
from tests.unit.allocation.allocation_scenario import AllocationScenario
from tests.unit.allocation.random_history import seeds
from tests.unit.allocation.scenario import InMemoryAllocation
from tests.unit.allocation.ship_dates_suite import WEEKDAYS, located, tell

from allocation_service.application.policies.policy_choice import DEFAULT, Target
from allocation_service.domain.policies.policy import Complete, Policy, Sort
from event_contracts import Event

_OF_ITS_OWN = {"decision_id"}
"""What each decision has of its own."""


@dataclass(kw_only=True)
class Both(AllocationScenario):
    """Gives the same events to allocation on PostgreSQL and in memory, and compares what they publish."""

    on_postgres: Any
    in_memory: InMemoryAllocation
    compared: int = 0
    named: int = 0
    """Ship dates."""

    @property
    def units(self) -> Any:
        """See AllocationScenario."""
        return self.on_postgres.units

    async def use(self, policy: Policy, target: Target = DEFAULT) -> Policy:
        """See AllocationScenario."""
        await self.in_memory.use(policy, target)
        found: Policy = await self.on_postgres.use(policy, target)
        return found

    async def aim_at(self, target: int | None) -> None:
        """See AllocationScenario."""
        for one in (self.on_postgres, self.in_memory):
            await one.aim_at(target)

    async def remember_deliveries(self, **values: Any) -> None:
        """See InMemoryAllocation."""
        for one in (self.on_postgres, self.in_memory):
            await one.remember_deliveries(**values)

    async def handle(self, events: Sequence[Event]) -> None:
        """See AllocationScenario."""
        for one in (self.on_postgres, self.in_memory):
            await one.handle(events)

    async def recheck(self) -> int:
        """See AllocationScenario."""
        decided: int = await self.on_postgres.recheck()
        assert await self.in_memory.recheck() == decided
        return decided

    async def apply_at_once(self, *batches: tuple[Sequence[Event], bool]) -> None:
        """One after the other: what two workers do at once may come in either order."""
        for events, deferred_orders in batches:
            await self.apply(*events, deferred_orders=deferred_orders)

    async def published(self) -> list[Event]:
        """See AllocationScenario."""
        events: list[Event] = await self.on_postgres.published()
        assert [_said(one) for one in await self.in_memory.published()] == [_said(one) for one in events]
        self.compared += len(events)
        promises = [line.promise for one in events for line in getattr(one.payload, "lines", ()) if line.promise]
        self.named += sum(promise.ship_by is not None for promise in promises)
        return events

    async def line(self, line_id: str) -> Any:
        """See AllocationScenario."""
        return await self.in_memory.line(line_id)

    async def granted(self, *line_ids: str) -> list[int]:
        """See AllocationScenario."""
        found: list[int] = await self.on_postgres.granted(*line_ids)
        assert await self.in_memory.granted(*line_ids) == found
        return found

    async def check(self) -> None:
        """See AllocationScenario."""
        for one in (self.on_postgres, self.in_memory):
            await one.check()


def _said(event: Event) -> Any:
    payload = event.payload.model_dump(exclude=_OF_ITS_OWN)
    return event.name, event.key, event.sequence, event.correlation_id, event.causation_id, payload


@pytest.fixture
def both(world: Any) -> Both:
    return Both(clock=world.clock, on_postgres=world, in_memory=InMemoryAllocation(clock=world.clock))


# Of whole orders chosen by value, the choice depends on how many others were read.
COMPARED = {
    "first come, first served": Policy(),
    **{
        name: policy
        for name, policy in random_history.POLICIES.items()
        if policy.sort is not Sort.VALUE_INDEX and policy.complete is not Complete.OPTIMAL
    },
}


@pytest.mark.parametrize("name", COMPARED)
@pytest.mark.parametrize("seed", seeds(1))
async def test_a_random_history_has_the_same_events(
    seed: int, name: str, both: Both, monkeypatch: pytest.MonkeyPatch
) -> None:
    await both.use(COMPARED[name])
    await random_history.keeps_everything(seed, both, monkeypatch)
    assert both.compared > 30


@pytest.mark.parametrize("seed", seeds(1))
async def test_a_random_history_has_the_same_ship_dates_and_each_can_be_computed_again(
    seed: int, both: Both, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number, location in enumerate(random_history.LOCATIONS, start=1):
        calendar = {"handling_days": number, "working_days": WEEKDAYS, "cut_off": time(14), "time_zone": "Asia/Tokyo"}
        news = located(both, 1, location=location, **calendar)
        for one in (both.on_postgres, both.in_memory):
            await tell(one, news)
    both.in_memory.units.outbox.clear()
    await random_history.keeps_everything(seed, both, monkeypatch)
    assert both.named > 10


@pytest.mark.parametrize("seed", seeds(2))
async def test_a_random_history_of_loans_has_the_same_events(
    seed: int, both: Both, monkeypatch: pytest.MonkeyPatch
) -> None:
    await loan_history.accounts_for_every_loan(seed, both, monkeypatch)
    assert both.compared > 30
