"""The protocol between order, inventory and allocation: random histories come to rest with every invariant kept.

``BACKORDER_HISTORIES=500`` plays more of them; ``BACKORDER_SEED=17`` replays one. Taking a rule of the
protocol away makes the same test fail: each is shown to be needed.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import text
from tests.integration.protocol import openings
from tests.integration.protocol.callers import START
from tests.integration.protocol.conftest import NewWorld
from tests.integration.protocol.customers import FATES

import allocation_service.invariants
import inventory_service.invariants
import order_service.invariants
from allocation_service.application.session import apply_events
from allocation_service.domain import protocol_rules
from backorder_local.running import RunningSystem
from backorder_verify.check.agreement_invariants import AGREEMENT_INVARIANTS
from backorder_verify.check.decision_invariants import DECISION_INVARIANTS
from backorder_verify.check.snapshot import SystemSnapshot
from backorder_verify.check.system_invariant import of_service
from inventory_service.adapters.sql_customer_orders import SqlShipments
from inventory_service.domain.stock_level import LevelKey
from service_kit.testing import FakeClock

HISTORIES = int(os.environ.get("BACKORDER_HISTORIES", "30"))
SEEDS = [int(os.environ["BACKORDER_SEED"])] if "BACKORDER_SEED" in os.environ else list(range(HISTORIES))
HISTORIES_TO_REACH_ALL = 15
"""Three or four do; which, changes with everything that draws from their seeds."""
INVARIANTS = [
    invariant
    for invariant in (
        *of_service("order", order_service.invariants.INVARIANTS),
        *of_service("inventory", inventory_service.invariants.INVARIANTS),
        *of_service("allocation", allocation_service.invariants.INVARIANTS),
        *DECISION_INVARIANTS,
        *AGREEMENT_INVARIANTS,
    )
    if "notification" not in invariant.name  # notification publishes nothing that the three read: it can break nothing
]


async def _violations(world: Any) -> list[str]:
    """Every row that violates an invariant of the three services at rest."""
    urls = {
        name: database.url.replace("postgresql+asyncpg", "postgresql") for name, database in world.databases.items()
    }
    system = RunningSystem("", {}, "", "", "", urls, urls, 0)
    found = []
    async with SystemSnapshot(system) as snapshot:
        for invariant in INVARIANTS:
            found += [f"{invariant.name}: {dict(row)}" async for row in invariant.violations(snapshot)]
    return found


def _over(real: Any, replacement: Any) -> Any:
    """A method in the place of ``real`` that can still call it."""

    async def method(store: Any, lines: Any) -> Any:
        return await replacement(real, store, lines)

    return method


@pytest.mark.parametrize("seed", SEEDS)
async def test_a_random_history_comes_to_rest_with_every_invariant_kept(seed: int, new_world: Any) -> None:
    world = await new_world(seed)
    await world.run()
    violations = await _violations(world)
    assert not violations, "\n".join([f"seed {seed}", *world.log, *violations])


@pytest.mark.parametrize("purged_inbox", [False, True])
@pytest.mark.parametrize("seed", SEEDS[: max(1, len(SEEDS) // 3)])
async def test_a_history_in_which_skus_are_renamed_and_merged_keeps_every_invariant(
    seed: int, new_world: Any, *, purged_inbox: bool
) -> None:
    """The services' clocks go with the history: what is merged now is merged after what happened before."""
    clock = FakeClock(START)
    clocks = dict.fromkeys(("order", "inventory", "allocation"), clock)
    world = await new_world(seed, purged_inbox=purged_inbox, merges=True, clocks=clocks)
    world.clock = clock
    await world.run()
    violations = await _violations(world)
    assert not violations, "\n".join([f"seed {seed}", *world.log, *violations])


async def _with_customers(seed: int, new_world: NewWorld) -> Any:
    """The world after a history in which customers pay, are offered delays and answer; its clock is the services'."""
    clock = FakeClock(START)
    clocks = dict.fromkeys(("order", "inventory", "allocation"), clock)
    world = await new_world(seed, customers=True, clocks=clocks)
    world.clock = clock
    await world.run()
    return world


@pytest.mark.parametrize("seed", SEEDS[: max(1, len(SEEDS) // 6)])
async def test_a_history_of_customers_who_pay_and_are_offered_delays_keeps_every_invariant(
    seed: int, new_world: NewWorld
) -> None:
    """Whatever the bank, the customers and the clock do: money and units end where the law and the orders want them."""
    world = await _with_customers(seed, new_world)
    violations = [*await _violations(world), *await world.money_faults()]
    assert not violations, "\n".join([f"seed {seed}", *world.log, *violations])


@pytest.mark.parametrize("seed", SEEDS[: max(1, len(SEEDS) // 3)])
async def test_a_history_in_which_laws_ask_and_customers_answer_keeps_every_invariant(
    seed: int, new_world: Any
) -> None:
    """In the end the law is asked on the day on which the invariants are checked: what it cancels then flows, too."""
    clock = FakeClock(START)
    world = await new_world(seed, laws=True, clocks=dict.fromkeys(("order", "inventory", "allocation"), clock))
    world.clock, world.laws = clock, True
    await world.run()
    clock.advance(datetime.now(UTC) - clock.now())
    for _ in range(3):
        await world.judge(clock.now())
        await world.settle()
    violations = await _violations(world)
    assert not violations, "\n".join([f"seed {seed}", *world.log, *violations])


@pytest.mark.parametrize("seed", SEEDS[: max(1, len(SEEDS) // 3)])
async def test_a_history_replayed_past_a_purged_inbox_changes_nothing_twice(seed: int, new_world: Any) -> None:
    world = await new_world(seed, purged_inbox=True)
    await world.run()
    violations = await _violations(world)
    assert not violations, "\n".join([f"seed {seed}", *world.log, *violations])


async def _all_shipments(real: Any, store: Any, lines: Any) -> Any:
    """Write what is new, and call every line new."""
    await real(store, lines)
    return {line.identity for line in lines}


async def _all_voids(real: Any, store: Any, lines: Any) -> Any:
    """Write what is new, and call every line that ever was voided new."""
    await real(store, lines)
    rows = await store._connection.execute(_VOIDED_LINES, {"ids": [line.shipment_id for line in lines]})
    return [
        replace(line, key=LevelKey(row.sku, row.location_id), quantity=row.quantity)
        for line in lines
        for row in rows
        if (row.shipment_id, row.line_id) == line.identity
    ]


_VOIDED_LINES = text("SELECT * FROM shipment_line WHERE shipment_id = ANY(:ids)")


@dataclass(frozen=True)
class Removal:
    """One rule taken away: what stands in its place, the history that needs it, and what breaks without it."""

    replacements: list[tuple[Any, str, Any]]
    opening: openings.Opening
    breaks: str
    """The invariant that must break, or the error that stops the service."""
    purged_inbox: bool = False


REMOVED = {
    "2: every order event is answered": Removal(
        [(protocol_rules, "must_publish", lambda *, applied, changed: changed)],
        openings.answered,
        "order: nothing pending",
    ),
    "5: supply counts what was shipped": Removal(
        [(protocol_rules, "supply_of", lambda on_hand, shipped: on_hand)],
        openings.shipped,
        "allocation: no idle stock",
    ),
    "7: a shipment is booked once for ever": Removal(
        [(SqlShipments, "add_new", _over(SqlShipments.add_new, _all_shipments))],
        openings.shipped_twice,
        "stock: shipped by shipments",
        purged_inbox=True,
    ),
    "7: a void is booked once for ever": Removal(
        [(SqlShipments, "void_new", _over(SqlShipments.void_new, _all_voids))],
        openings.voided_twice,
        "stock: shipped by shipments",
        purged_inbox=True,
    ),
    "8: a receipt and the fall of its inbound are one event": Removal(
        [(apply_events, "_apply_receipt", lambda *_: False)],
        openings.received,
        "inbound: inventory = allocation",
    ),
    "9: what exceeds the supply is taken back": Removal(
        [(protocol_rules, "shortfall", lambda free: 0)],
        openings.counted_down,
        "allocation: granted within supply",
    ),
    "13: an order is decided with all of its SKUs locked": Removal(
        [(protocol_rules, "decidable", lambda *_: True), (protocol_rules, "must_queue_behind", lambda *_: False)],
        openings.completed,
        "KeyError",
    ),
}


@pytest.mark.parametrize("rule", REMOVED)
async def test_without_one_of_its_rules_the_protocol_breaks(
    rule: str, new_world: NewWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same history, with all rules and with one taken away: without it an invariant breaks, or a service stops."""
    removal = REMOVED[rule]

    async def broken(seed: int) -> list[str]:
        world = await new_world(seed, purged_inbox=removal.purged_inbox)
        try:
            await removal.opening(world)
        except Exception as error:
            return [repr(error)]
        return await _violations(world)

    assert await broken(0) == []
    for owner, name, replacement in removal.replacements:
        monkeypatch.setattr(owner, name, replacement)
    for seed in range(3):
        found = await broken(seed)
        assert any(one.startswith(removal.breaks) for one in found), (seed, found)


async def test_random_histories_reach_shipments_and_their_voids(new_world: NewWorld) -> None:
    """Histories in which nothing leaves, or nothing comes back, would show nothing of the rules about it."""
    wanted, seen = {"shipments", "void", "cancel", "receipts", "link", "supplier-returns"}, set[str]()
    for seed in range(HISTORIES_TO_REACH_ALL):
        world = await new_world(seed)
        await world.run()
        for line in world.log:
            if line.startswith("POST") and line.endswith(("-> 200", "-> 201")):
                seen.add(line.split()[1].rsplit("/", 1)[-1])
        if wanted <= seen:
            return
    pytest.fail(f"no history reached {wanted - seen}")


async def test_histories_of_customers_reach_what_their_rules_are_about(new_world: NewWorld) -> None:
    """Without declines, refunds, lost answers and lapsed offers nothing would be shown of the rules about them."""
    seen: Counter[str] = Counter()
    wanted = {
        "charge succeeded", "charge failed", "charge action_required", "charge pending", "hold succeeded",
        "void succeeded", "refund succeeded", "DelayOffered", "DelayConsentRecorded", "OrderShipped", "OrderCancelled",
        "200 to an answer", "409 to an answer", "cancelled: customer_cancelled", "cancelled: no_notice_in_time", *FATES,
    }  # fmt: skip
    for seed in range(1, HISTORIES_TO_REACH_ALL):
        world = await _with_customers(seed, new_world)
        seen += await world.what_happened()
        if not wanted - set(seen):
            return
    pytest.fail(f"no history reached {wanted - set(seen)}: {seen}")


async def test_a_seed_plays_its_history_again(new_world: NewWorld) -> None:
    """What a failure names must be found again: ids differ, all else is the same."""
    logs = []
    for _ in range(2):
        world = await new_world(5)
        await world.run()
        logs.append([re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "id", line) for line in world.log])
    assert logs[0] == logs[1]
