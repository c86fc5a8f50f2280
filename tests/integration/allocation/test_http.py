"""The API of allocation: availability, the queue, decisions and policies."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from allocation_service.domain.policies.policy import Policy, Sort
from service_kit.testing.usual_routes import without_fast_path


async def test_availability_speaks_the_storefronts_words(world: Any, client: httpx.AsyncClient) -> None:
    await world.apply(
        world.sku("here"),
        world.stock("here", 3),
        world.sku("soon", cap=5, lead_time_days=7),
        world.sku("none", "stock_only"),
    )
    await world.apply(world.sku("pre", "preorder", release_at=world.now + timedelta(days=60)))
    await world.apply(world.order("o1", ("soon", 2))[1])
    names = ["here", "soon", "none", "pre", "unheard of"]
    rows = (await client.get("/v1/availability", params={"sku": names})).json()["data"]
    assert {row["sku"]: row["state"] for row in rows} == {
        "here": "in_stock", "soon": "backorder", "none": "out_of_stock", "pre": "preorder",
        "unheard of": "out_of_stock",
    }  # fmt: skip
    by_sku = {row["sku"]: row for row in rows}
    assert by_sku["here"]["available_quantity"] == 3
    assert by_sku["soon"]["backorder_remaining"] == 3
    assert by_sku["soon"]["promise_date"] == (world.now + timedelta(days=7)).date().isoformat()
    assert by_sku["pre"]["promise_date"] == (world.now + timedelta(days=60)).date().isoformat()
    assert by_sku["unheard of"]["known"] is False


async def test_a_cart_counts_a_sku_that_stands_twice_in_it_once(world: Any, client: httpx.AsyncClient) -> None:
    await world.apply(world.sku("A"), world.stock("A", 3))
    cart = {"lines": [{"sku": "A", "quantity": 2}, {"sku": "A", "quantity": 2}]}
    rows = (await client.post("/v1/availability", json=cart)).json()["data"]
    assert [(row["quantity"], row["state"]) for row in rows] == [(4, "backorder")]


async def test_availability_is_told_alike_on_the_fast_path_and_by_fastapis_own_routes(
    world: Any, client: httpx.AsyncClient
) -> None:
    await world.apply(world.sku("here"), world.stock("here", 3), world.sku("soon", cap=5, lead_time_days=7))

    async def told() -> list[tuple[int, dict[str, str], str]]:
        answers = [
            await client.get("/v1/availability?sku=here&sku=soon&sku=unheard%20of"),
            await client.get("/v1/availability?sku=here&quantity=9&quantity=4"),
            await client.post("/v1/availability", json={"lines": [{"sku": "soon", "quantity": 5}]}),
        ]
        return [
            (each.status_code, {k: v for k, v in each.headers.items() if k != "x-request-id"}, each.text)
            for each in answers
        ]

    fast = await told()
    without_fast_path(client._transport.app)  # type: ignore[attr-defined]
    assert fast == await told()
    assert [status for status, _, _ in fast] == [200] * 3


async def test_the_queue_shows_place_and_promise_page_by_page(world: Any, client: httpx.AsyncClient) -> None:
    eta = world.now + timedelta(days=4)
    await world.apply(world.sku("A/1 x"), world.inbound("A/1 x", "p", 2, eta))
    await world.apply(*[world.order(f"o{n}", ("A/1 x", 1))[1] for n in range(5)])
    rows, url = [], "/v1/backorders?sku=A%2F1%20x&limit=2"
    while url:
        page = await client.get(url)
        rows += page.json()["data"]
        url = page.links["next"]["url"] if "next" in page.links else ""
    assert [(row["place"], row["order_id"]) for row in rows] == [(n + 1, f"o{n}") for n in range(5)]
    assert rows[0]["promise_date"] == eta.date().isoformat()
    own = (await client.get("/v1/backorders", params={"order_id": "o3"})).json()["data"]
    assert [(row["line_id"], row["place"]) for row in own] == [("o3-1", 4)]


@pytest.mark.parametrize("policy", [Policy(), Policy(sort=Sort.PRIORITY), Policy(sort=Sort.VALUE_INDEX)])
async def test_a_place_on_a_later_page_is_counted_in_the_queue_as_it_is_by_then(
    world: Any, client: httpx.AsyncClient, policy: Policy
) -> None:
    await world.use(policy)
    await world.apply(world.sku("A"))
    orders = [world.order(f"o{n}", ("A", 1)) for n in range(6)]
    await world.apply(*[placed for _, placed in orders])
    page = await client.get("/v1/backorders?sku=A&limit=2")
    await world.apply(*[world.cancel(order) for order, _ in orders[:3]])
    following = (await client.get(page.links["next"]["url"])).json()["data"]
    assert [(row["order_id"], row["place"]) for row in following] == [("o3", 1), ("o4", 2)]
    own = (await client.get("/v1/backorders", params={"order_id": "o4"})).json()["data"]
    assert [row["place"] for row in own] == [2]


async def test_backorders_want_either_a_sku_or_an_order(client: httpx.AsyncClient) -> None:
    assert (await client.get("/v1/backorders")).status_code == 400


async def test_a_decision_tells_who_was_considered_and_why(world: Any, client: httpx.AsyncClient) -> None:
    await world.apply(world.sku("A"), *[world.order(name, ("A", 2))[1] for name in ("o1", "o2")])
    await world.apply(world.stock("A", 3))
    listed = (await client.get("/v1/decisions", params={"line_id": "o2-1"})).json()["data"]
    assert [one["cause_type"] for one in listed] == ["StockReceived", "OrderPlaced"]
    found = (await client.get(f"/v1/decisions/{listed[0]['decision_id']}")).json()
    assert [(line["line_id"], line["granted"], line["reason"]) for line in found["lines"]] == [
        ("o1-1", 2, "granted"),
        ("o2-1", 1, "partly: supply ran out"),
    ]
    assert found["steps"][0]["policy"]["sort"] == "fifo"
    facts = found["lines"][1]["facts"]
    assert (facts["demand"]["order_id"], facts["demand"]["tier_rank"], facts["grants"]) == ("o2", 4, [["HH", 1]])
    assert facts["key"] == [1, 0, "9999-12-31", facts["demand"]["queued_at"], "o2-1"]
    assert (await client.get("/v1/decisions/unheard-of")).status_code == 404


async def test_a_policy_is_versioned_and_changed_only_as_it_was_read(world: Any, client: httpx.AsyncClient) -> None:
    path = "/v1/allocation-policies/A%2F1"
    assert (await client.get(path)).json()["inherited"] is True
    first = await client.put(path, json={"sort": "priority"})
    assert (first.status_code, first.json()["version"], first.headers["etag"]) == (200, 1, '"1"')
    stale = await client.put(path, json={"sort": "fifo"}, headers={"If-Match": '"7"'})
    assert stale.status_code == 412
    assert (await client.put(path, json={"sort": "fifo"}, headers={"If-Match": '"1"'})).json()["version"] == 2
    assert (await client.put(path, json={"sort": "loudest"})).status_code == 422
    assert (await client.get("/v1/allocation-policies/default")).json()["sort"] == "fifo"


@pytest.mark.parametrize("sort", ["fifo", "priority", "earliest_due", "value_index"])
async def test_every_sort_can_be_set(world: Any, client: httpx.AsyncClient, sort: str) -> None:
    for name in ("default", "A"):
        answer = await client.put(f"/v1/allocation-policies/{name}", json={"sort": sort})
        assert (answer.status_code, answer.json().get("sort")) == (200, sort)


async def test_a_policy_of_a_sku_can_be_dropped_and_its_versions_are_never_used_twice(
    world: Any, client: httpx.AsyncClient
) -> None:
    path = "/v1/allocation-policies/default%2F1"
    await client.put(path, json={"sort": "priority"})
    assert (await client.delete(path, headers={"If-Match": '"7"'})).status_code == 412
    assert (await client.delete(path, headers={"If-Match": '"1"'})).status_code == 204
    assert (await client.get(path)).json()["inherited"] is True
    assert (await client.delete(path)).status_code == 404
    assert (await client.put(path, json={"sort": "priority"})).json()["version"] == 2
    refused = await client.delete("/v1/allocation-policies/default")
    assert (refused.status_code, refused.json()["code"]) == (409, "default_policy")


async def test_policies_are_listed_page_by_page(world: Any, client: httpx.AsyncClient) -> None:
    for name in ("B", "A/1", "gone"):
        await client.put(f"/v1/allocation-policies/{name.replace('/', '%2F')}", json={"sort": "priority"})
    await client.delete("/v1/allocation-policies/gone")
    names, url = [], "/v1/allocation-policies?limit=2"
    while url:
        page = await client.get(url)
        assert page.status_code == 200
        names += [row["name"] for row in page.json()["data"]]
        url = page.links["next"]["url"] if "next" in page.links else ""
    assert names == ["default", "A/1", "B"]


async def test_a_dropped_policy_no_longer_decides(world: Any, client: httpx.AsyncClient) -> None:
    await client.put("/v1/allocation-policies/A", json={"sort": "priority"})
    await client.delete("/v1/allocation-policies/A")
    await world.apply(world.sku("A"), world.order("o1", ("A", 1), tier="silver")[1])
    await world.apply(world.order("o2", ("A", 1), tier="gold")[1])
    await world.apply(world.stock("A", 1))
    assert await world.granted("o1-1", "o2-1") == [1, 0]
