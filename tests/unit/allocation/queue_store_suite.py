"""What every implementation does when queues and what was granted from them are read."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from itertools import pairwise
from random import Random
from typing import Any, NamedTuple

import pytest
from tests.scenario import START
from tests.unit.allocation.allocation_store_suite import (
    add_line,
    add_order,
    days,
    keep,
    locked,
    use,
)

from allocation_service.application.session.allocation_session import AllocationSession
from allocation_service.domain.demand.line import Entry
from allocation_service.domain.policies.policy import NO_DATE, Ageing, Demand, Holdback, Key, Policy, Share, Sort
from allocation_service.domain.policies.sorting import Ranking
from allocation_service.domain.promising.promise_dates import UNDATED
from allocation_service.domain.supply.sku import Level

LINES = 30
NOW = START + timedelta(days=3)
RANKED = {
    "by day": Policy(sort=Sort.EARLIEST_DUE),
    "by value": Policy(sort=Sort.VALUE_INDEX),
    "by tier and age": Policy(sort=Sort.PRIORITY, ageing=Ageing(1, 9)),
}
INDEXED = {
    "first come, first served": Policy(sort=Sort.FIFO),
    "by tier": Policy(sort=Sort.PRIORITY),
    "by tier, whatever is promised": Policy(sort=Sort.PRIORITY, protect_promises=False),
}


class Queued(NamedTuple):
    """An order of one line that waits, or the line of one of two that ships complete."""

    order_id: str
    quantity: int
    tier_rank: int = 3
    complete: bool = False
    needed_in: int | None = None
    promised_in: int | None = None
    moved: int = 0
    backed: bool = False
    channel: str | None = None
    region: str | None = None
    queued_after: int = 0


def drawn(seed: int) -> list[Queued]:
    """A queue with promises and wishes of every kind."""
    random = Random(seed)
    return [
        Queued(
            f"o{number:02}",
            random.randint(1, 4),
            random.choice((0, 1, 3)),
            random.random() < 0.2,
            random.choice((None, random.randint(1, 9))),
            random.choice((None, random.randint(-2, 20))),
            random.choice((0, 0, 5)),
            random.random() < 0.5,
            queued_after=random.randint(0, 100),
        )
        for number in range(LINES)
    ]


async def fill(units: Any, queue: Iterable[Queued]) -> None:
    """Let these orders wait for A, those that ship complete for one of B, too."""
    async with units.begin() as uow:
        session = await locked(uow.store, "A", "B")
        for sku in session.skus.values():
            sku.known, sku.last_now, sku.lead_time_days = True, START, 7
            session.unwritten.skus.add(sku.sku)
        for one in queue:
            order = add_order(
                session, one.order_id, tier_rank=one.tier_rank, ship_complete=one.complete, decided_before=True,
                needed_by=None if one.needed_in is None else days(one.needed_in),
                channel=one.channel, region=one.region,
            )  # fmt: skip
            promised = None if one.promised_in is None else days(one.promised_in)
            since = START + timedelta(hours=one.queued_after)
            add_line(
                session, order, "A", one.quantity, promise_date=promised, layers=[Entry(since, one.quantity)],
                unit_value=one.quantity * 100, claim_date=claim_of(one) or UNDATED, backed=is_backed(one),
            )  # fmt: skip
            if one.complete:
                add_line(session, order, "B", 1)
        await keep(uow, session)


async def locked_at(uow: Any, *skus: str) -> AllocationSession:
    """A session that holds SKUs, and ranks their queues now."""
    session = await locked(uow.store, *skus)
    session.decision_times = dict.fromkeys(skus, NOW)
    return session


def entered(session: AllocationSession) -> list[str]:
    """The orders whose places in the queue of A were read, in the order they are served."""
    return [line_id.split("-")[0] for _, line_id, _ in session.queues["A"].entries]


def keyed(session: AllocationSession, queue: Iterable[Queued]) -> list[tuple[Key, Queued]]:
    """A queue as the domain ranks it."""
    key = session.ranking("A").key
    return sorted((key(demand_of(one)), one) for one in queue)


def demand_of(one: Queued) -> Demand:
    """Its place in the queue of A."""
    return Demand(
        f"{one.order_id}-1",
        one.order_id,
        "A",
        one.quantity,
        START + timedelta(hours=one.queued_after),
        one.tier_rank,
        NO_DATE if one.needed_in is None else days(one.needed_in),
        None if one.promised_in is None else days(one.promised_in),
        unit_value=one.quantity * 100,
        claim_date=claim_of(one),
        backed=is_backed(one),
    )


def claim_of(one: Queued) -> date | None:
    """The day from which it claims supply: that of its promise, or one before it moved."""
    return None if one.promised_in is None else days(one.promised_in - one.moved)


def is_backed(one: Queued) -> bool:
    """Known supply covers it."""
    return one.backed and one.promised_in is not None


def ranked(session: AllocationSession, queue: Iterable[Queued]) -> list[Queued]:
    """A queue in the order it is served."""
    return [one for _, one in keyed(session, queue)]


def within(queue: Iterable[Queued], units: int) -> list[str]:
    """The orders before which less than so many units are asked for, by those who take parts."""
    ahead, found = 0, []
    for one in queue:
        if ahead >= units:
            break
        found.append(one.order_id)
        ahead += 0 if one.complete else one.quantity
    return found


class QueueSuite:
    """Queues are read from their head, only as far as they need be. For the fixture see SessionSuite."""

    @pytest.mark.parametrize("name", INDEXED)
    @pytest.mark.parametrize("reach", [6, 20, 1_000])
    async def test_the_head_is_read_as_far_as_the_units_reach(self, units: Any, name: str, reach: int) -> None:
        await use(units, INDEXED[name])
        queue = drawn(reach)
        await fill(units, queue)
        async with units.begin() as uow:
            session = await locked_at(uow, "A", "B")
            await uow.store.load_queues(session, {"A": reach})
        expected = within(ranked(session, queue), reach)[:reach]
        assert entered(session) == expected
        found = session.queues["A"]
        assert (found.complete, found.limit) == (len(expected) == LINES, reach)
        assert found.horizon == (None if found.complete else found.entries[-1][0])
        for order in session.orders.values():
            assert order.whole is order.ship_complete
            assert len(order.lines) == (2 if order.ship_complete else 1)

    @pytest.mark.parametrize("name", RANKED)
    @pytest.mark.parametrize(("lines", "reach"), [(3, 6), (10, 12), (None, 1_000)])
    async def test_of_a_queue_without_an_index_nobody_unread_stands_before_where_it_was_left(
        self, units: Any, name: str, lines: int | None, reach: int
    ) -> None:
        await use(units, RANKED[name])
        queue = drawn(reach)
        await fill(units, queue)
        async with units.begin() as uow:
            session = await locked_at(uow, "A", "B")
            await uow.store.load_unindexed_queue(session, "A", NOW, lines, reach)
        places = keyed(session, queue)
        read, found = entered(session), session.queues["A"]
        assert read == [one.order_id for _, one in places if one.order_id in read]
        assert found.sorted_at == NOW
        assert found.complete is not bool(found.unread)
        assert found.complete or lines is not None
        for key, one in places:
            if one.order_id not in read:
                since = START + timedelta(hours=one.queued_after)
                assert any(bound.key <= key and bound.oldest <= since for bound in found.unread)
        # As far as so many units go in each tier, everybody is read.
        if lines is not None and lines >= reach:
            for tier in {one.tier_rank for one in queue}:
                reached = within([one for _, one in places if one.tier_rank == tier], reach)
                assert set(reached) <= set(read)

    @pytest.mark.parametrize("name", [*INDEXED, *RANKED])
    async def test_a_long_queue_is_read_once_from_its_head_in_chunks(self, units: Any, name: str) -> None:
        await use(units, {**INDEXED, **RANKED}[name])
        queue = drawn(1)
        await fill(units, queue)
        read, horizons = [], []
        async with units.begin() as uow:
            session = await locked_at(uow, "A", "B")
            expected = [one.order_id for one in ranked(session, queue)]
            long = await uow.store.open_long_queue(session, "A", 1_000)
            assert list(await long.lock_orders()) == sorted(expected)
            while (chunk := await long.read(7)) is not None:
                long.enter(session, chunk)
                horizons.append(session.queues["A"].horizon)
                read += [one for one in entered(session) if one not in read]
            assert await long.read(7) is None
        assert read == expected
        assert all(one is None or other is None or one <= other for one, other in pairwise(horizons))

    @pytest.mark.parametrize(
        ("policy", "reached"),
        [
            (Policy(sort=Sort.FIFO, protect_promises=False), range(6)),
            (Policy(sort=Sort.PRIORITY, protect_promises=False), range(24, 30)),
            (Policy(sort=Sort.EARLIEST_DUE, protect_promises=False), range(12, 18)),
            (Policy(sort=Sort.FIFO), range(6, 12)),
        ],
        ids=("by age", "by tier", "by day", "the promised first"),
    )
    async def test_a_long_queue_locks_the_orders_that_it_reaches(
        self, units: Any, policy: Policy, reached: range
    ) -> None:
        await use(units, policy)
        queue = [
            Queued(
                f"o{number:02}",
                1,
                0 if number >= 24 else 3,
                needed_in=1 if 12 <= number < 18 else None,
                promised_in=3 if 6 <= number < 12 else 60,
                queued_after=number,
            )
            for number in range(LINES)
        ]
        await fill(units, queue)
        async with units.begin() as uow:
            session = await locked_at(uow, "A")
            long = await uow.store.open_long_queue(session, "A", 6)
            assert list(await long.lock_orders()) == [f"o{number:02}" for number in reached]

    async def test_where_stock_is_held_back_all_who_may_be_reached_are_locked(self, units: Any) -> None:
        await use(units, Policy(sort=Sort.PRIORITY, holdback=Holdback(), protect_promises=False))
        await fill(units, [Queued(f"o{number}", 1, number // 5, queued_after=number) for number in range(10)])
        async with units.begin() as uow:
            session = await locked_at(uow, "A")
            long = await uow.store.open_long_queue(session, "A", 2)
            assert list(await long.lock_orders()) == ["o0", "o1", "o5", "o6"]

    @pytest.mark.parametrize("policy", [Policy(), Policy(sort=Sort.PRIORITY), Policy(sort=Sort.VALUE_INDEX)])
    async def test_the_last_in_the_queues_order_lose_first(self, units: Any, policy: Policy) -> None:
        await use(units, policy)
        queue = [one._replace(complete=False) for one in drawn(2)]
        await fill(units, queue)
        async with units.begin() as uow:
            session = await locked_at(uow, "A")
            level = session.skus["A"].levels["HH"] = Level("HH", on_hand=500, changed=True)
            await uow.store.load_orders(session, [one.order_id for one in queue])
            for line in list(session.lines.values()):
                session.touch(line)
                line.grant("HH", line.quantity)
                session.move_grant(line, "HH", line.quantity)
                session.update_counters(line)
            assert level.granted == sum(one.quantity for one in queue)
            await keep(uow, session)
        async with units.begin() as uow:
            session = await locked_at(uow, "A")
            await uow.store.load_holdings(session, "A", "HH", 4)
            key = Ranking(policy._replace(protect_promises=False), session.moment("A")).key
            last = sorted(queue, key=lambda one: key(demand_of(one)))[-4:]
            assert set(session.orders) == {one.order_id for one in last}
            nowhere = await locked_at(uow, "A")
            await uow.store.load_holdings(nowhere, "A", "elsewhere", 4)
        assert nowhere.lines == {}

    async def test_where_a_loss_is_shared_all_who_hold_stock_are_read(self, units: Any) -> None:
        await use(units, Policy(share=Share.PROPORTIONAL))
        await fill(units, [Queued("o1", 1), Queued("o2", 1, complete=True), Queued("o3", 1)])
        async with units.begin() as uow:
            session = await locked_at(uow, "A", "B")
            session.skus["A"].levels["HH"] = Level("HH", on_hand=2, changed=True)
            await uow.store.load_orders(session, ["o1", "o2"])
            for line in (session.lines["o1-1"], session.lines["o2-1"]):
                session.touch(line)
                line.grant("HH", 1)
                session.move_grant(line, "HH", 1)
                session.update_counters(line)
            await keep(uow, session)
        async with units.begin() as uow:
            session = await locked_at(uow, "A", "B")
            await uow.store.load_holdings(session, "A", "HH", 1)
        assert sorted(session.lines) == ["o1-1", "o2-1", "o2-2"]

    @pytest.mark.parametrize(
        ("outlets", "expected"),
        [
            ({}, True),
            ({"channel": ["web"]}, True),
            ({"channel": ["web", "shop"]}, True),
            ({"channel": ["web", "shop"], "region": ["north"]}, False),
        ],
    )
    async def test_whether_anybody_waits_outside_of_some_outlets(
        self, units: Any, outlets: dict[str, list[str]], expected: bool
    ) -> None:
        queue = [
            Queued("o1", 1, channel="web", region="north"),
            Queued("o2", 1, channel="shop", region="south"),
            Queued("o3", 1, region="north"),
            Queued("o4", 9, complete=True),
        ]
        await fill(units, queue)
        async with units.reading() as uow:
            assert await uow.store.waits_outside("A", outlets, 8) is expected
            assert await uow.store.waits_outside("A", outlets, 9) is True
            assert await uow.store.waits_outside("C", outlets, 9) is False
