"""The protocol between order, inventory and allocation: random histories come to rest with every invariant kept.

``BACKORDER_HISTORIES=500`` plays more of them; ``BACKORDER_SEED=17`` replays one. Taking a rule of the
protocol away makes the same test fail: each is shown to be needed.
"""

from __future__ import annotations

import os
from typing import Any

import pytest

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

HISTORIES = int(os.environ.get("BACKORDER_HISTORIES", "30"))
SEEDS = [int(os.environ["BACKORDER_SEED"])] if "BACKORDER_SEED" in os.environ else list(range(HISTORIES))
TRIES = 40
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


@pytest.mark.parametrize("seed", SEEDS)
async def test_a_random_history_comes_to_rest_with_every_invariant_kept(seed: int, new_world: Any) -> None:
    world = await new_world(seed)
    await world.run()
    violations = await _violations(world)
    assert not violations, "\n".join([f"seed {seed}", *world.log, *violations])


@pytest.mark.parametrize("seed", SEEDS[: max(1, len(SEEDS) // 3)])
async def test_a_history_replayed_past_a_purged_inbox_changes_nothing_twice(seed: int, new_world: Any) -> None:
    world = await new_world(seed, purged_inbox=True)
    await world.run()
    violations = await _violations(world)
    assert not violations, "\n".join([f"seed {seed}", *world.log, *violations])


async def _all_shipments(_: object, lines: Any) -> Any:
    return {line.identity for line in lines}


async def _all_voids(_: object, lines: Any) -> Any:
    return list(lines)


REMOVED: dict[str, tuple[list[tuple[Any, str, Any]], dict[str, Any]]] = {
    "2: every order event is answered": ([(protocol_rules, "must_publish", lambda *, applied, changed: changed)], {}),
    "5: supply counts what was shipped": ([(protocol_rules, "supply_of", lambda on_hand, shipped: on_hand)], {}),
    "7: a shipment is booked once for ever": ([(SqlShipments, "add_new", _all_shipments)], {"purged_inbox": True}),
    "7: a void is booked once for ever": ([(SqlShipments, "void_new", _all_voids)], {"purged_inbox": True}),
    "8: a receipt and the fall of its inbound are one event": (
        [(apply_events, "_apply_receipt", lambda *_: False)],
        {},
    ),
    "9: what exceeds the supply is taken back": ([(protocol_rules, "shortfall", lambda free: 0)], {}),
    "13: an order is decided with all of its SKUs locked": (
        [
            (protocol_rules, "decidable", lambda *_: True),
            (protocol_rules, "must_queue_behind", lambda *_: False),
        ],
        {},
    ),
}


@pytest.mark.parametrize("rule", REMOVED)
async def test_without_one_of_its_rules_the_protocol_breaks(
    rule: str, new_world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same histories, one rule taken away: before long an invariant breaks (or the services come to a stop)."""
    replacements, sizes = REMOVED[rule]
    for owner, name, replacement in replacements:
        monkeypatch.setattr(owner, name, replacement)
    for seed in range(TRIES):
        world = await new_world(seed, **sizes)
        try:
            await world.run()
        except Exception as error:
            print(f"without rule {rule}, seed {seed}: {error!r}")  # noqa: T201
            return
        if await _violations(world):
            return
    pytest.fail(f"{TRIES} histories without rule {rule} broke nothing: the test would not notice its loss")
