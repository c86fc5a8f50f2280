"""Random histories of a small allocation, on whichever stores: facts come in any order, mixed and repeated.

``SEED`` in the environment names the one to run again, ``HISTORIES`` how many to run.
"""

import os
from collections.abc import Sequence
from datetime import timedelta
from random import Random
from typing import Any

import pytest

from allocation_service.domain.policies.policy import Ageing, Complete, Policy, Quota, Share, Sort

SKUS = ("A", "B", "C")
LOCATIONS = ("HH", "M")


def seeds(usual: int) -> Sequence[int]:
    """Which histories to run: so many if the environment says nothing else."""
    if "SEED" in os.environ:
        return [int(os.environ["SEED"])]
    return range(int(os.environ.get("HISTORIES", usual)))


KINDS = {
    "place": 8,
    "receive": 5,
    "lose": 2,
    "cancel": 3,
    "amend": 2,
    "terms": 2,
    "add": 2,
    "ship": 4,
    "void": 2,
    "shut": 1,
    "inbound": 2,
    "policy": 1,
}
"""What may happen next, by the name of its method, and how often it does compared with the others."""


def _left(line: Any) -> int:
    """Units of a line that have left."""
    return sum(line.shipped.values()) - sum(line.voided.values())


class History:
    """One seeded history: facts are made in order, told in batches that mix and repeat them."""

    def __init__(self, world: Any, seed: int) -> None:
        self.world, self.random = world, Random(seed)
        self.orders: list[Any] = []
        self.waiting: list[Any] = []
        self.told: list[Any] = []
        self.purchases: dict[str, tuple[str, int]] = {}

    def step(self) -> list[Any]:
        world, random = self.world, self.random
        world.later(minutes=random.randint(0, 90))
        kind = random.choices(list(KINDS), list(KINDS.values()))[0]
        return list(getattr(self, kind)())

    def policy(self) -> list[Any]:
        random = self.random
        mode = random.choices(("backorder", "stock_only", "preorder", "discontinued"), (8, 1, 1, 1))[0]
        cap = random.choice((None, None, 10))
        return [self.world.sku(random.choice(SKUS), mode, cap=cap, lead_time_days=random.choice((0, 7, 14)))]

    def place(self) -> list[Any]:
        random = self.random
        lines = [(random.choice(SKUS), random.randint(1, 5)) for _ in range(random.randint(1, 3))]
        order, event = self.world.order(
            f"o{len(self.orders):03}",
            *lines,
            ship_complete=random.random() < 0.4,
            tier=random.choice(("gold", "standard", None)),
            location_preference=random.choice((*LOCATIONS, None)),
            channel=random.choice(("web", "shop")),
            customer_id=random.choice(("C1", "C2", "C3")),
            needed_by=random.choice((None, self.world.now.date() + timedelta(days=random.randint(0, 9)))),
        )
        self.orders.append(order)
        return [event]

    def receive(self) -> list[Any]:
        random = self.random
        location = random.choice(LOCATIONS)
        if self.purchases and random.random() < 0.6:
            po_line, (sku, remaining) = random.choice(sorted(self.purchases.items()))
            arrived = random.randint(1, remaining)
            if arrived == remaining:
                del self.purchases[po_line]
            else:
                self.purchases[po_line] = (sku, remaining - arrived)
            return [self.world.stock(sku, arrived, location, po_line=po_line, remaining=remaining - arrived)]
        return [self.world.stock(random.choice(SKUS), random.randint(1, 8), location)]

    def lose(self) -> list[Any]:
        sku, location = self.random.choice(SKUS), self.random.choice(LOCATIONS)
        on_hand = self.world.level_of(sku, location).on_hand
        return [self.world.stock(sku, -self.random.randint(1, on_hand), location)] if on_hand else []

    def void(self) -> list[Any]:
        """A shipment that was reported by mistake: the two services tell of it one after the other."""
        shipped = [
            (order, number, shipment)
            for order in self.orders
            for number, shipment in enumerate(order.state.shipments, start=1)
            if shipment.voided_at is None
        ]
        if not shipped:
            return []
        order, number, shipment = self.random.choice(shipped)
        return [
            self.world.void(order, number),
            self.world.stock(shipment.sku, 0, shipment.location, voided=shipment.quantity),
        ]

    def shut(self) -> list[Any]:
        """A location becomes inactive, or active again: each of its levels is told anew."""
        location = self.random.choice(LOCATIONS)
        self.world.inactive_locations ^= {location}
        return [self.world.stock(sku, 0, where) for sku, where in sorted(self.world.levels) if where == location]

    def inbound(self) -> list[Any]:
        random = self.random
        eta = self.world.now + timedelta(days=random.randint(-3, 30))
        if self.purchases and random.random() < 0.5:
            po_line, (sku, remaining) = random.choice(sorted(self.purchases.items()))
            if random.random() < 0.3:
                remaining = 0
                del self.purchases[po_line]
            return [self.world.inbound(sku, po_line, remaining, eta)]
        po_line, sku, units = f"p{len(self.told)}-{random.random()}", random.choice(SKUS), random.randint(1, 12)
        self.purchases[po_line] = (sku, units)
        return [self.world.inbound(sku, po_line, units, eta)]

    def _line(self) -> tuple[Any, int, Any] | None:
        if not self.orders:
            return None
        order = self.random.choice(self.orders)
        number = self.random.randint(1, len(order.state.lines))
        return order, number, order.state.lines[number - 1]

    def cancel(self) -> list[Any]:
        if (found := self._line()) is None:
            return []
        order, number, line = found
        left = line.quantity - line.cancelled - _left(line)
        return [self.world.cancel(order, number, self.random.randint(1, left))] if left > 0 else []

    def amend(self) -> list[Any]:
        if (found := self._line()) is None:
            return []
        order, number, line = found
        least = line.cancelled + _left(line)
        return [self.world.amend(order, number, max(1, least, line.quantity + self.random.randint(-3, 4)))]

    def add(self) -> list[Any]:
        if not self.orders:
            return []
        random = self.random
        return [self.world.add_line(random.choice(self.orders), random.choice(SKUS), random.randint(1, 4))]

    def terms(self) -> list[Any]:
        """Another rank, another channel, whole instead of in parts or the reverse."""
        if not self.orders:
            return []
        random = self.random
        changes = {
            "tier": random.choice(("gold", "standard", None)),
            "channel": random.choice(("web", "shop")),
            "customer_id": random.choice(("C1", "C2", "C3")),
            "ship_complete": random.random() < 0.5,
        }
        some = random.sample(sorted(changes), random.randint(1, len(changes)))
        return [self.world.amend(random.choice(self.orders), **{name: changes[name] for name in some})]

    def ship(self) -> list[Any]:
        """Ship without asking allocation: it may have been taken back meanwhile."""
        if (found := self._line()) is None:
            return []
        order, number, line = found
        left = line.quantity - line.cancelled - _left(line)
        location = self.random.choice(LOCATIONS)
        on_hand = self.world.level_of(line.sku, location).on_hand
        units = min(left, on_hand, self.random.randint(1, 3))
        if units <= 0:
            return []
        return [
            self.world.ship(order, number, units, location),
            self.world.stock(line.sku, 0, location, shipped=units),
        ]

    async def run(self, steps: int) -> None:
        random = self.random
        start = [self.world.sku(sku) for sku in SKUS]
        late = [event for event in start if random.random() < 0.3]
        await self.world.apply(*[event for event in start if event not in late])
        for number in range(steps):
            self.waiting += self.step()
            if number == steps // 3:
                self.waiting += late
            if random.random() < 0.5:
                await self.deliver()
        while self.waiting:
            await self.deliver()
        await self.world.recheck()

    async def deliver(self) -> None:
        """Up to two workers take batches; per key the order of events is kept, some come again."""
        random = self.random
        batches: list[list[Any]] = [[], []]
        keys: list[set[str]] = [set(), set()]
        for event in self.waiting[: random.randint(1, 12)]:
            side = 1 if event.key in keys[1] else 0 if event.key in keys[0] else random.randint(0, 1)
            batches[side].append(event)
            keys[side].add(event.key)
        self.waiting = self.waiting[sum(len(batch) for batch in batches) :]
        for batch in batches:
            if self.told and random.random() < 0.3:
                batch.insert(0, random.choice(self.told))
        await self.world.apply_at_once(*((batch, random.random() < 0.5) for batch in batches if batch))
        self.told += [event for batch in batches for event in batch]


POLICIES = {
    "value": Policy(sort=Sort.VALUE_INDEX, ageing=Ageing(1, 2)),
    "due": Policy(sort=Sort.EARLIEST_DUE, protect_promises=False),
    "quotas": Policy(quotas=(Quota("channel", "web", 6),), protect_promises=False),
    "quotas and shares": Policy(share=Share.MAX_MIN, quotas=(Quota("channel", "web", 9), Quota("channel", "shop", 9))),
    "passed": Policy(sort=Sort.PRIORITY, bypass_limit=1),
    "passed by value": Policy(sort=Sort.VALUE_INDEX, bypass_limit=2),
    "fair": Policy(sort=Sort.PRIORITY, share=Share.MAX_MIN),
    "in proportion": Policy(share=Share.PROPORTIONAL),
    "same loss": Policy(share=Share.UNIFORM_LOSSES, bypass_limit=1),
    "the best of whole orders": Policy(sort=Sort.VALUE_INDEX, complete=Complete.OPTIMAL),
}


def small_parts(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every other history is served in parts so small that queues have many of them."""
    if seed % 2:
        for module in ("allocating.allocate_supply", "allocating.handle_events", "promising.revise_promises"):
            monkeypatch.setattr(f"allocation_service.application.{module}.PART", 3)
        monkeypatch.setattr("allocation_service.application.allocating.allocate_long_queue._LINES", 2)


async def keeps_everything(seed: int, world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The history comes to rest, every invariant holds, and no unit that was ordered is lost."""
    small_parts(seed, monkeypatch)
    history = History(world, seed)
    await history.run(60)
    await world.check()
    for order in history.orders:
        for line in order.state.lines:
            row = await world.line(line.line_id)
            assert (row.quantity, row.cancelled) == (line.quantity, line.cancelled)
            assert row.undecided == 0
