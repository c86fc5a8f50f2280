"""How a SKU is sold changes only if somebody says so; names that look alike are one."""

from __future__ import annotations

from typing import Any

import pytest

SOLD = {
    "name": "Table",
    "category": "furniture",
    "lead_time_days": 14,
    "selling_policy": {"mode": "backorder", "backorder_cap": 50, "release_date": None},
}


async def put(inventory: Any, body: dict[str, Any] = SOLD) -> str:
    response = await inventory.put("/v1/skus/table", body)
    assert response.status_code in (200, 201), response.text
    await inventory.published()
    return str(response.headers["ETag"])


async def patch(inventory: Any, body: Any, version: str | None, sku: str = "table") -> Any:
    headers = {} if version is None else {"If-Match": version}
    return await inventory.client.patch(f"/v1/skus/{sku}", json=body, headers=headers)


async def test_a_patch_changes_what_it_names_and_announces_the_whole_policy(inventory: Any) -> None:
    version = await put(inventory)
    response = await patch(inventory, {"selling_policy": {"backorder_cap": 200}}, version)
    assert response.status_code == 200
    changed = {**SOLD, "selling_policy": {**SOLD["selling_policy"], "backorder_cap": 200}}  # type: ignore[dict-item]
    assert {name: response.json()[name] for name in SOLD} == changed
    assert response.headers["ETag"] == f'"{response.json()["version"]}"' != version
    [event] = await inventory.published()
    assert (event.name, event.payload.mode, event.payload.cap, event.payload.lead_time_days) == (
        "SkuPolicyChanged",
        "backorder",
        200,
        14,
    )
    assert (await inventory.get("/v1/skus/table"))["selling_policy"]["backorder_cap"] == 200


async def test_null_sets_a_value_back_to_its_default(inventory: Any) -> None:
    version = await put(inventory)
    response = await patch(inventory, {"name": None, "selling_policy": {"backorder_cap": None}}, version)
    assert (response.json()["name"], response.json()["selling_policy"]["backorder_cap"]) == (None, None)
    assert response.json()["selling_policy"]["mode"] == "backorder"
    response = await patch(inventory, {"selling_policy": None}, response.headers["ETag"])
    assert response.json()["selling_policy"]["mode"] == "stock_only"


async def test_a_patch_of_nothing_new_changes_and_announces_nothing(inventory: Any) -> None:
    version = await put(inventory)
    response = await patch(inventory, {"lead_time_days": 14}, version)
    assert (response.status_code, response.headers["ETag"]) == (200, version)
    assert await inventory.published() == []


async def test_a_patch_needs_the_version_it_is_based_on(inventory: Any) -> None:
    version = await put(inventory)
    for given, status in ((None, 428), ('"7"', 412), (version, 200)):
        assert (await patch(inventory, {"name": "Desk"}, given)).status_code == status
    assert (await patch(inventory, {"name": "Desk"}, "*", sku="nothing")).status_code == 404


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"lead_time_days": None}, "/lead_time_days"),
        ({"selling_policy": {"mode": "preorder"}}, "/selling_policy/release_date"),
        ({"selling_policy": {"release_date": "20270328"}}, "/selling_policy/release_date"),
        ({"selling_policy": {"cap": 3}}, "/selling_policy/cap"),
    ],
)
async def test_a_patch_after_which_no_date_could_be_named_is_refused(inventory: Any, body: Any, pointer: str) -> None:
    version = await put(inventory)
    response = await patch(inventory, body, version)
    assert (response.status_code, response.json()["errors"][0]["pointer"]) == (422, pointer)
    assert await inventory.published() == []


async def test_an_item_sync_that_leaves_out_how_a_sku_is_sold_leaves_it_alone(inventory: Any) -> None:
    await put(inventory)
    response = await inventory.put("/v1/skus/table", {"name": "Big table"})
    assert response.status_code == 200
    assert {name: response.json()[name] for name in SOLD} == {**SOLD, "name": "Big table"}
    bulk = await inventory.put("/v1/skus", {"skus": [{"sku": "table", "name": "Bigger"}, {"sku": "new"}]})
    assert bulk.json() == {"created": 1, "changed": 1, "unchanged": 0}
    assert (await inventory.get("/v1/skus/table"))["selling_policy"] == SOLD["selling_policy"]
    assert (await inventory.get("/v1/skus/new"))["selling_policy"]["mode"] == "stock_only"
    cap = {event.key: event.payload.cap for event in await inventory.published()}
    assert cap == {"table": 50, "new": None}


async def test_what_is_stated_is_set_even_to_the_default(inventory: Any) -> None:
    await put(inventory)
    response = await inventory.put("/v1/skus/table", {"selling_policy": {}, "lead_time_days": None, "category": None})
    shown = response.json()
    assert (shown["selling_policy"]["mode"], shown["lead_time_days"], shown["category"]) == ("stock_only", None, None)


async def test_a_bulk_whose_values_do_not_fit_what_is_kept_is_refused_at_its_place(inventory: Any) -> None:
    await put(inventory)
    body = {"skus": [{"sku": "new"}, {"sku": "table", "lead_time_days": None}]}
    response = await inventory.put("/v1/skus", body)
    assert (response.status_code, response.json()["errors"][0]["pointer"]) == (422, "/skus/1/lead_time_days")
    assert (await inventory.client.get("/v1/skus/new")).status_code == 404


@pytest.mark.parametrize("alike", ["lamp%20", "%C2%A0lamp", "lamp%E3%80%80"])
async def test_a_sku_whose_spaces_differ_is_the_same_in_paths_bodies_and_queries(inventory: Any, alike: str) -> None:
    assert (await inventory.put(f"/v1/skus/{alike}", {"name": "Lamp"})).status_code == 200
    await inventory.receive(3, sku="lamp\u00a0")
    assert (await inventory.level(sku=" lamp"))[0] == 3
    assert len((await inventory.get("/v1/skus"))["data"]) == 2


async def test_letters_are_composed_and_characters_that_nobody_sees_are_refused(inventory: Any) -> None:
    assert (await inventory.put("/v1/skus/cafe%CC%81", {})).json()["sku"] == "caf\u00e9"
    assert (await inventory.put("/v1/skus/caf%C3%A9", {})).status_code == 200
    for invisible in ("%E2%80%8B", "%EF%BB%BF", "%C2%AD", "%E2%80%AE"):
        response = await inventory.put(f"/v1/skus/lamp{invisible}", {})
        assert (response.status_code, response.json()["errors"][0]["parameter"]) == (400, "sku")
    twice = {"skus": [{"sku": "stool"}, {"sku": "stool "}]}
    response = await inventory.put("/v1/skus", twice)
    assert (response.status_code, response.json()["errors"][0]["pointer"]) == (422, "/skus/1/sku")
