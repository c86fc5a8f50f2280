"""Why a line waits or got what it got, asked of a running API."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest_asyncio
from tests.unit.allocation.ship_dates_suite import located, tell

from allocation_service.adapters.store import session_reads
from allocation_service.adapters.views import queue_positions
from allocation_service.application.policies.policy_choice import Scope
from allocation_service.config import AllocationSettings
from allocation_service.domain.policies.policy import Ageing, Holdback, Policy, Sort, ValueIndex, Weights
from allocation_service.domain.policies.sorting import Ranking
from allocation_service.entrypoints.service import build
from allocation_service.wording.en import EN
from service_kit.http.api_keys import SCOPES, Keyring
from service_kit.http.app import create_app
from service_kit.testing import FakeClock

Ask = Callable[[str], Awaitable[dict[str, Any]]]


@pytest_asyncio.fixture(loop_scope="session")
async def ask(world: Any, tmp_path: Path) -> AsyncIterator[Ask]:
    """Asks why, at the world's time."""
    keyring = tmp_path / "keyring.json"
    key, _ = Keyring(keyring).create_key("test", sorted(SCOPES))
    settings = AllocationSettings(
        database_url=world.database.url, keyring_path=keyring, kafka_bootstrap="127.0.0.1:1", rate_limit=""
    )
    clock = FakeClock(world.now)
    app = create_app(build(settings, clock=clock, database=world.database))
    headers = {"Authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app), base_url="http://test", headers=headers
    ) as client:

        async def asked(path: str) -> dict[str, Any]:
            clock.set(world.now)
            answer = await client.get(path)
            assert answer.status_code == 200, answer.text
            found: dict[str, Any] = answer.json()
            return found

        yield asked


def day(world: Any, days: int) -> str:
    at = (world.now + timedelta(days=days)).date()
    return EN.day_in_words(at, world.now.date())


async def test_a_waiting_line_tells_its_place_its_receipt_and_what_was_decided(world: Any, ask: Ask) -> None:
    first, second = world.now + timedelta(days=4), world.now + timedelta(days=9)
    await world.apply(world.sku("A"), world.inbound("A", "p1", 3, first), world.inbound("A", "p2", 5, second))
    await world.apply(*[world.order(name, ("A", 2))[1] for name in ("o1", "o2")])
    why = await ask("/v1/demands/o2-1/why")
    assert why["summary"] == (
        f"waits: behind 1 line (2 units) for the receipt of {day(world, 4)} (1 unit)"
        f" and the receipt of {day(world, 9)} (1 unit)"
    )
    assert [(one["place"], one["lines_ahead"], one["units_ahead"]) for one in why["queue"]] == [(2, 1, 2)]
    receipts = why["waits_for"]["receipts"]
    assert [(one["purchase_order_line_id"], one["quantity"]) for one in receipts] == [("p1", 1), ("p2", 1)]
    assert why["promise"]["promise_date"] == second.date().isoformat()
    assert (why["state"]["quantity"], why["state"]["waiting"], why["state"]["allocated"]) == (2, 2, 0)
    assert [one["name"] for one in why["policy"]["placed_by"]] == ["queued_at"]
    assert (why["policy"]["name"], why["policy"]["version"], why["policy"]["sort"]) == ("default", 1, "fifo")
    (placed,) = why["decisions"]
    assert placed["words"] == "It got none of 2 units: the free stock did not reach further."
    await world.apply(world.stock("A", 3, po_line="p1"))
    why = await ask("/v1/demands/o2-1/why")
    assert why["summary"].startswith("1 of 2 units allocated; 1 unit waits: next in line for the receipt of ")
    assert [one["cause_type"] for one in why["decisions"]] == ["StockReceived", "OrderPlaced"]
    assert (why["decisions"][0]["policy_name"], why["decisions"][0]["policy_version"]) == ("default", 1)
    assert (await ask("/v1/demands/o1-1/why"))["summary"] == "all 2 units allocated"
    assert (await ask(why["decisions_url"]))["data"][0]["decision_id"] == why["decisions"][0]["decision_id"]


async def test_a_line_of_an_order_that_ships_complete_names_what_must_come_too(world: Any, ask: Ask) -> None:
    await world.apply(world.sku("A"), world.stock("A", 2), world.sku("B", lead_time_days=6))
    await world.apply(world.order("o1", ("A", 2), ("B", 1), ship_complete=True)[1])
    why = await ask("/v1/demands/o1-1/why")
    assert why["summary"] == (
        "waits: the order ships complete and waits for 1 unit of B too; next in line for the stock there is"
    )
    assert [(one["sku"], one["quantity"]) for one in why["waits_for"]["other_lines"]] == [("B", 1)]
    other = await ask("/v1/demands/o1-2/why")
    assert other["summary"].endswith(
        f"no receipt is announced that reaches it; by its lead time it is due on {day(world, 6)}"
    )


async def test_a_declined_line_and_an_undecided_one_say_so(world: Any, ask: Ask) -> None:
    await world.apply(world.sku("A", "stock_only"), world.order("o1", ("A", 2))[1], world.order("o2", ("new", 1))[1])
    assert (await ask("/v1/demands/o1-1/why"))["summary"] == (
        "all 2 units declined: the article is sold from stock only, and 0 of 2 units were there"
    )
    undecided = await ask("/v1/demands/o2-1/why")
    assert undecided["summary"].startswith("the unit not decided yet: ")
    assert (undecided["queue"], undecided["waits_for"], undecided["decisions"]) == ([], None, [])


async def test_stock_kept_for_a_better_tier_is_told_with_the_day_it_is_kept_until(world: Any, ask: Ask) -> None:
    await world.use(Policy("kept", 1, Sort.PRIORITY, holdback=Holdback(max_units=3), ageing=Ageing(50, 60)))
    await world.apply(world.sku("A"))
    for number in range(20):
        # Platinum buys two a day.
        await world.apply(world.stock("A", 2))
        await world.apply(world.order(f"p{number}", ("A", 2), tier="platinum")[1])
        world.later(days=1)
    await world.apply(world.inbound("A", "po", 50, world.now + timedelta(days=5)))
    await world.apply(world.order("late", ("A", 2), tier="standard")[1])
    await world.apply(world.stock("A", 3))
    why = await ask("/v1/demands/late-1/why")
    assert why["waits_for"]["held_back"] == {
        "quantity": 3,
        "for_tier": "silver",
        "until": (world.now + timedelta(days=5)).date().isoformat(),
    }
    until = day(world, 5)
    assert (
        why["summary"]
        == f"waits: 3 units kept for silver or better until {until}; next in line for the receipt of {until}"
    )
    assert why["decisions"][0]["reason"] == "held back for tier silver or better: 3 kept"
    assert [one["name"] for one in why["policy"]["placed_by"]] == ["tier", "needed_by", "queued_at"]
    assert (why["policy"]["name"], why["policy"]["version"]) == ("default", 2)


async def test_a_tier_that_is_not_known_counts_as_the_last_and_that_is_told(world: Any, ask: Ask) -> None:
    await world.apply(world.sku("A"), world.order("o1", ("A", 1), tier="vip")[1], world.order("o2", ("A", 1))[1])
    told = "tier 'vip' is not known here: it counts as standard"
    for sort, names in ((Sort.FIFO, ["queued_at", "tier"]), (Sort.PRIORITY, ["tier", "needed_by", "queued_at"])):
        await world.use(Policy(sort=sort))
        facts = (await ask("/v1/demands/o1-1/why"))["policy"]["placed_by"]
        assert [one["name"] for one in facts] == names
        assert [told in one["words"] for one in facts] == [name == "tier" for name in names]
        assert not any(
            "not known" in one["words"] for one in (await ask("/v1/demands/o2-1/why"))["policy"]["placed_by"]
        )


async def test_a_promise_that_has_passed_and_that_nothing_covers_is_told_as_that(world: Any, ask: Ask) -> None:
    await world.apply(world.sku("A", lead_time_days=6), world.order("o1", ("A", 1))[1])
    promised = world.now + timedelta(days=6)
    world.later(days=8)
    why = await ask("/v1/demands/o1-1/why")
    passed = EN.day_in_words(promised.date(), world.now.date())
    assert why["summary"].endswith(
        f"no receipt is announced that reaches it, and {passed}, for which it was promised, has passed"
    )


async def test_the_place_in_a_queue_that_no_index_orders_is_found_by_ranking(world: Any, ask: Ask) -> None:
    await world.use(Policy("by-value", 1, Sort.VALUE_INDEX))
    await world.apply(world.sku("A", lead_time_days=0))
    tiers = {"a": "standard", "b": "gold", "c": "platinum", "d": "standard"}
    await world.apply(*[world.order(name, ("A", 2), tier=tier)[1] for name, tier in tiers.items()])
    places = {name: (await ask(f"/v1/demands/{name}-1/why"))["queue"][0] for name in tiers}
    assert {name: place["place"] for name, place in places.items()} == {"c": 1, "b": 2, "a": 3, "d": 4}
    assert places["d"]["units_ahead"] == 6
    facts = (await ask("/v1/demands/b-1/why"))["policy"]["placed_by"]
    assert [one["name"] for one in facts] == ["value", "tier", "due", "queued_at"]
    assert facts[1]["value"] == "gold"


async def test_places_found_class_by_class_are_those_of_the_ranked_queue(world: Any, ask: Ask) -> None:
    """Whatever the policy looks at: the queue in the order of its keys is the queue in the order of its places."""
    random = Random(7)
    await world.apply(world.sku("A"), world.inbound("A", "p", 30, world.now + timedelta(days=20)))
    for number in range(60):
        world.later(hours=random.randint(1, 40))
        needed = (world.now + timedelta(days=random.randint(1, 9))).date() if random.random() < 0.5 else None
        tier = random.choice(["platinum", "gold", "silver", "standard"])
        units, unit_price = random.randint(1, 3), random.choice([50, 900, 90_000])
        terms = {"tier": tier, "needed_by": needed, "unit_price": unit_price}
        await world.apply(world.order(f"o{number:02}", ("A", units), **terms)[1])
    rows = await world.rows("SELECT * FROM queue_entry WHERE sku = 'A'")
    weights = ValueIndex(Weights(date=3, value=20))
    ageing = Ageing(5, 25)
    for policy in (
        Policy(sort=Sort.FIFO, ageing=ageing),
        Policy(sort=Sort.PRIORITY, ageing=ageing),
        Policy(sort=Sort.EARLIEST_DUE),
        Policy(sort=Sort.VALUE_INDEX, value_index=weights, ageing=ageing),
        Policy(sort=Sort.VALUE_INDEX, value_index=weights, protect_promises=False),
    ):
        async with world.database.reading() as conn:
            sku = (await session_reads.peek_skus(conn, ["A"]))["A"]
            sku.policy = policy
            moment = sku.moment(world.now, 2)
            key = Ranking(policy, moment).key
            ranked = sorted(rows, key=key)
            units = 0
            for number, row in enumerate(ranked):
                assert await queue_positions.ahead(conn, row, sku, moment) == (number, units), (policy.sort, number)
                units += row.quantity


async def test_a_decision_shows_cause_whole_policy_keys_grants_and_reasons(world: Any, ask: Ask) -> None:
    await world.apply(world.sku("A"), *[world.order(name, ("A", 2))[1] for name in ("o1", "o2")])
    received = world.stock("A", 3)
    await world.apply(received)
    (listed, _) = (await ask("/v1/decisions?line_id=o2-1"))["data"]
    found = await ask(f"/v1/decisions/{listed['decision_id']}")
    assert (found["cause"], found["cause_type"], found["summarised"]) == (received.id, "StockReceived", False)
    (policy,) = found["policies"]
    assert (policy["step"], policy["name"], policy["version"]) == (0, "default", 1)
    assert policy["document"]["share"] == "sequential"
    assert [(one["rank"], one["grants"], one["words"]) for one in found["lines"]] == [
        (1, [["HH", 2]], "It got all 2 units it asked for."),
        (2, [["HH", 1]], "It got 1 of 2 units: the free stock did not reach further."),
    ]
    assert [one["key"][-1] for one in found["lines"]] == ["o1-1", "o2-1"]
    await world.apply(world.stock("A", -1))
    lost = await ask(f"/v1/decisions/{(await ask('/v1/decisions?sku=A'))['data'][0]['decision_id']}")
    (line,) = lost["lines"]
    assert (line["granted"], line["key"][-1], line["grants"]) == (-1, "o2-1", None)
    assert lost["policies"][0]["name"] == "default"


async def test_a_placing_shows_which_version_of_which_policy_it_followed(world: Any, ask: Ask) -> None:
    await world.use(Policy(sort=Sort.PRIORITY), (Scope.SKU, "A"))
    await world.use(Policy(sort=Sort.EARLIEST_DUE), (Scope.SKU, "A"))
    await world.apply(world.sku("A"), world.sku("B"), world.stock("A", 1), world.stock("B", 1))
    await world.apply(world.order("whole", ("A", 1), ("B", 1), ship_complete=True)[1], world.order("part", ("A", 1))[1])
    own = {"step": 0, "name": "sku:A", "version": 2, "document": {"name": "sku:A", "version": 2}}
    default = {"step": 0, "name": "default", "version": 1, "document": {"name": "default", "version": 1}}
    for line, followed in (("whole-1", [default, own]), ("part-1", [own])):
        (listed,) = (await ask(f"/v1/decisions?line_id={line}"))["data"]
        found = await ask(f"/v1/decisions/{listed['decision_id']}")
        assert ([step["kind"] for step in found["steps"]], found["policies"]) == (["place"], followed)
        (told,) = (await ask(f"/v1/demands/{line}/why"))["decisions"]
        assert (told["policy_name"], told["policy_version"]) == ("sku:A", 2)
    await world.check()


async def test_why_and_availability_say_when_the_units_leave(world: Any, ask: Ask) -> None:
    await tell(world, located(world, 1, handling_days=3))
    eta = world.now + timedelta(days=9)
    await world.apply(world.sku("A"), world.inbound("A", "p1", 9, eta))
    await world.apply(world.order("o1", ("A", 2))[1])
    leaves = (eta + timedelta(days=3)).date().isoformat()
    assert (await ask("/v1/demands/o1-1/why"))["promise"]["ship_by"] == leaves
    [found] = (await ask("/v1/availability?sku=A"))["data"]
    assert (found["promise_date"], found["ship_by"]) == (eta.date().isoformat(), leaves)
