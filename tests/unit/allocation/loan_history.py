"""Random histories in which orders borrow, cancel, ship and lose stock: whatever comes, every loan is accounted for."""

from datetime import timedelta
from random import Random
from typing import Any

import pytest
from tests.unit.allocation.random_history import small_parts

from allocation_service.application.lending.loan_records import LoanFilter
from allocation_service.domain.policies.policy import Holdback, Lending, Policy, Sort

SKUS = ("A", "B")
TERMS = Lending(confidence_percent=80, lock_days=1, min_observations=5)
POLICIES = (
    Policy(lending=TERMS),
    Policy(sort=Sort.PRIORITY, lending=TERMS),
    Policy(sort=Sort.VALUE_INDEX, holdback=Holdback(), lending=TERMS),
    Policy(sort=Sort.EARLIEST_DUE, lending=TERMS, protect_promises=False),
)


class History:
    """Facts are made in order and told in batches, to one or two workers at a time."""

    def __init__(self, world: Any, seed: int) -> None:
        self.world, self.random = world, Random(seed)
        self.orders: list[Any] = []
        self.purchases: dict[str, tuple[str, int]] = {}

    def step(self) -> list[Any]:
        self.world.later(hours=self.random.randint(1, 20))
        kinds = ("place", "receive", "inbound", "cancel", "amend", "ship", "lose")
        return list(getattr(self, self.random.choices(kinds, (9, 5, 4, 2, 2, 3, 1))[0])())

    def place(self) -> list[Any]:
        random = self.random
        wanted = self.world.now.date() + timedelta(days=random.choice((1, 2, 3, 30, 45, 60)))
        order, event = self.world.order(
            f"o{len(self.orders):03}",
            *[(random.choice(SKUS), random.randint(1, 5)) for _ in range(random.choice((1, 1, 2)))],
            needed_by=wanted if random.random() < 0.8 else None,
            ship_complete=random.random() < 0.15,
            tier=random.choice(("gold", "standard", None)),
            channel=random.choice(("web", "shop")),
        )
        self.orders.append(order)
        return [event]

    def receive(self) -> list[Any]:
        if not self.purchases:
            return [self.world.stock(self.random.choice(SKUS), self.random.randint(3, 12))]
        po_line, (sku, remaining) = self.random.choice(sorted(self.purchases.items()))
        units = self.random.randint(1, remaining)
        self.purchases[po_line] = (sku, remaining - units)
        if units == remaining:
            del self.purchases[po_line]
        return [self.world.stock(sku, units, po_line=po_line, remaining=remaining - units)]

    def inbound(self) -> list[Any]:
        eta = self.world.now + timedelta(days=self.random.randint(4, 20))
        if self.purchases and self.random.random() < 0.4:
            po_line, (sku, remaining) = self.random.choice(sorted(self.purchases.items()))
            return [self.world.inbound(sku, po_line, remaining, eta)]
        po_line = f"p{self.world.next_version('delivery')}"
        sku, units = self.random.choice(SKUS), self.random.randint(3, 12)
        self.purchases[po_line] = (sku, units)
        return [self.world.inbound(sku, po_line, units, eta)]

    def _line(self) -> tuple[Any, int, int]:
        """A line that is not closed, and how much of it is left; nothing left where there is none."""
        order = self.random.choice(self.orders) if self.orders else None
        number = self.random.randint(1, len(order.state.lines)) if order else 0
        line = order.state.lines[number - 1] if order else None
        return order, number, line.quantity - line.cancelled - sum(line.shipped.values()) if line else 0

    def cancel(self) -> list[Any]:
        order, number, left = self._line()
        return [self.world.cancel(order, number, self.random.randint(1, left))] if left else []

    def amend(self) -> list[Any]:
        order, number, left = self._line()
        return [self.world.amend(order, number, order.state.lines[number - 1].quantity + 2)] if left else []

    def ship(self) -> list[Any]:
        """Ship without asking allocation: what is lent may leave after all."""
        order, number, left = self._line()
        if not left:
            return []
        sku = order.state.lines[number - 1].sku
        units = min(left, self.world.level_of(sku).on_hand, self.random.randint(1, 3))
        if units <= 0:
            return []
        return [self.world.ship(order, number, units), self.world.stock(sku, 0, shipped=units)]

    def lose(self) -> list[Any]:
        sku = self.random.choice(SKUS)
        on_hand = self.world.level_of(sku).on_hand
        return [self.world.stock(sku, -self.random.randint(1, min(3, on_hand)))] if on_hand else []

    async def run(self, steps: int) -> None:
        await self.world.apply(*[self.world.sku(sku) for sku in SKUS], self.world.stock("A", 20))
        await self.world.apply(self.world.stock("B", 20))
        await self.first_loan()
        waiting: list[Any] = []
        for number in range(steps):
            waiting += self.step()
            if self.random.random() < 0.6:
                await self.deliver(waiting)
                waiting = []
            if number % 20 == 19:
                await self.world.apply(*waiting)
                waiting = []
                await self.world.check()
        await self.world.apply(*waiting)

    async def first_loan(self) -> None:
        """All of one SKU is held for later, then somebody needs a part of it at once."""
        today, more = self.world.now.date(), self.world.now + timedelta(days=10)
        self.purchases["first"] = ("A", 12)
        await self.world.apply(self.world.inbound("A", "first", 12, more))
        for name, units, days in (("late", 20, 60), ("now", 4, 1)):
            order, event = self.world.order(name, ("A", units), needed_by=today + timedelta(days=days))
            self.orders.append(order)
            await self.world.apply(event)

    async def deliver(self, events: list[Any]) -> None:
        """To two workers; what is about one key goes to one of them."""
        sides: tuple[list[Any], list[Any]] = ([], [])
        keys: dict[str, int] = {}
        for event in events:
            sides[keys.setdefault(event.key, self.random.randint(0, 1))].append(event)
        await self.world.apply_at_once(*((side, True) for side in sides if side))


async def accounts_for_every_loan(seed: int, world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The history comes to rest, some of it was lent, and every invariant holds."""
    small_parts(seed, monkeypatch)
    await world.use(POLICIES[seed % len(POLICIES)])
    await world.remember_deliveries(last=30)
    history = History(world, seed)
    await history.run(80)
    await world.check()
    async with world.units.reading() as uow:
        assert await uow.loans.list_loans(LoanFilter(), None, 1)
    for order in history.orders:
        for line in order.state.lines:
            row = await world.line(line.line_id)
            assert (row.quantity, row.cancelled) == (line.quantity, line.cancelled)
