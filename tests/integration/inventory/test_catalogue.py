"""SKUs, locations and suppliers over HTTP, and what is announced of them."""

from urllib.parse import quote

import pytest

BACKORDER = {"mode": "backorder", "backorder_cap": 50}


def pointers(response) -> list[str]:
    return [error["pointer"] for error in response.json()["errors"]]


async def test_a_new_sku_is_announced_with_its_whole_policy(empty):
    body = {"name": "Lamp", "category": "lights", "lead_time_days": 14, "selling_policy": BACKORDER}
    response = await empty.put("/v1/skus/lamp", body)
    assert (response.status_code, response.headers["ETag"]) == (201, '"1"')
    [event] = await empty.published()
    assert (event.name, event.key, event.sequence) == ("SkuPolicyChanged", "lamp", 1)
    policy = event.payload
    assert (policy.mode, policy.cap, policy.lead_time_days, policy.category) == ("backorder", 50, 14, "lights")


async def test_putting_what_stands_already_announces_nothing_and_keeps_the_version(empty):
    for status in (201, 200):
        response = await empty.put("/v1/skus/lamp", {"name": "Lamp"})
        assert (response.status_code, response.json()["version"]) == (status, 1)
    assert len(await empty.published()) == 1


async def test_a_real_change_is_announced_with_the_next_version(empty):
    await empty.put("/v1/skus/lamp", {"name": "Lamp"})
    body = {"lead_time_days": 7, "selling_policy": {"mode": "preorder", "release_date": "2011-01-15"}}
    response = await empty.put("/v1/skus/lamp", body)
    assert (response.status_code, response.json()["version"]) == (200, 2)
    event = (await empty.published())[-1]
    assert event.sequence == event.payload.version == 2
    assert event.payload.release_at.isoformat() == "2011-01-15T00:00:00+00:00"


@pytest.mark.parametrize("sku", ["desk lamp", "a/b", "/lead", "50%", "Lämpchen", "a?b#c", "x" * 100, "lines/1/close"])
async def test_a_sku_is_any_text_and_found_by_exactly_that(empty, sku):
    path = f"/v1/skus/{quote(sku, safe='')}"
    assert (await empty.put(path, {"name": "Odd"})).status_code == 201
    assert (await empty.get(path))["sku"] == sku


async def test_skus_that_differ_in_case_are_different(empty):
    await empty.put("/v1/skus/lamp", {"name": "small"})
    await empty.put("/v1/skus/LAMP", {"name": "large"})
    assert (await empty.get("/v1/skus/lamp"))["name"] == "small"
    assert [sku["sku"] for sku in (await empty.get("/v1/skus"))["data"]] == ["LAMP", "lamp"]


async def test_a_bulk_stores_all_and_says_what_it_did(empty):
    await empty.put("/v1/skus/b", {"name": "B"})
    await empty.put("/v1/skus/c", {"name": "C"})
    await empty.published()
    body = {"skus": [{"sku": "c", "name": "C"}, {"sku": "b", "name": "new"}, {"sku": "a", "name": "A"}]}
    response = await empty.put("/v1/skus", body)
    assert response.json() == {"created": 1, "changed": 1, "unchanged": 1}
    assert sorted((event.key, event.sequence) for event in await empty.published()) == [("a", 1), ("b", 2)]


async def test_a_bulk_with_bad_lines_lists_every_one_and_stores_nothing(empty):
    skus = [
        {"sku": "fine", "name": "Fine"},
        {"sku": "", "name": "No name"},
        {"sku": "undated", "selling_policy": {"mode": "backorder"}},
        {"sku": "unreleased", "lead_time_days": 1, "selling_policy": {"mode": "preorder"}},
        {"sku": "negative", "lead_time_days": -1},
        {"sku": "odd", "selling_policy": {"mode": "auction"}},
        {"sku": "typed", "nme": "typo"},
        {"sku": "fine", "name": "again"},
        {"name": "nameless"},
    ]
    response = await empty.put("/v1/skus", {"skus": skus})
    assert response.status_code == 422
    assert set(pointers(response)) == {
        "/skus/1/sku",
        "/skus/2/lead_time_days",
        "/skus/3/selling_policy/release_date",
        "/skus/4/lead_time_days",
        "/skus/5/selling_policy/mode",
        "/skus/6/nme",
        "/skus/7/sku",
        "/skus/8/sku",
    }
    assert "auction" not in response.text
    assert (await empty.get("/v1/skus"))["data"] == []
    assert await empty.published() == []


async def test_a_bulk_of_a_megabyte_is_taken_and_a_larger_one_is_not(empty):
    skus = [{"sku": f"sku-{number:05}", "name": "n" * 60} for number in range(8_000)]
    response = await empty.put("/v1/skus", {"skus": skus})
    assert response.json() == {"created": 8_000, "changed": 0, "unchanged": 0}
    assert (await empty.put("/v1/skus", {"skus": skus * 2})).status_code == 413


async def test_if_match_protects_a_sku_from_a_change_on_an_old_version(empty):
    await empty.put("/v1/skus/lamp", {"name": "Lamp"})
    await empty.put("/v1/skus/lamp", {"name": "Other"})
    response = await empty.put("/v1/skus/lamp", {"name": "Mine"}, **{"If-Match": '"1"'})
    assert response.status_code == 412
    assert (await empty.get("/v1/skus/lamp"))["name"] == "Other"
    assert (await empty.put("/v1/skus/lamp", {"name": "Mine"}, **{"If-Match": '"2"'})).status_code == 200
    assert (await empty.put("/v1/skus/none", {"name": "Mine"}, **{"If-Match": '"1"'})).status_code == 412


async def test_an_unchanged_sku_is_answered_with_304(empty):
    await empty.put("/v1/skus/lamp", {"name": "Lamp"})
    response = await empty.client.get("/v1/skus/lamp", headers={"If-None-Match": '"1"'})
    assert response.status_code == 304


async def test_skus_are_listed_page_by_page_and_by_category(empty):
    skus = [{"sku": f"s{number}", "category": "odd" if number % 2 else "even"} for number in range(7)]
    await empty.put("/v1/skus", {"skus": skus})
    seen, cursor = [], None
    while True:
        page = await empty.get("/v1/skus", limit=3, **({"cursor": cursor} if cursor else {}))
        seen += [sku["sku"] for sku in page["data"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == [f"s{number}" for number in range(7)]
    assert [sku["sku"] for sku in (await empty.get("/v1/skus", category="odd"))["data"]] == ["s1", "s3", "s5"]
    assert (await empty.client.get("/v1/skus?cursor=rubbish")).status_code == 400


async def test_an_unknown_sku_location_or_supplier_is_not_found(empty):
    for path in ("/v1/skus/none", "/v1/locations/none", "/v1/suppliers/none"):
        assert (await empty.client.get(path)).status_code == 404


async def test_a_name_with_control_characters_is_refused_with_its_place(empty):
    response = await empty.put("/v1/skus", {"skus": [{"sku": "a\u0000b"}, {"sku": "a\nb"}]})
    assert (response.status_code, pointers(response)) == (422, ["/skus/0/sku", "/skus/1/sku"])
    assert (await empty.put("/v1/skus/a%00b", {"name": "x"})).status_code == 400


async def test_a_new_priority_is_announced_with_every_level_at_the_location(inventory):
    await inventory.receive(5)
    await inventory.receive(3, sku="chair")
    await inventory.receive(2, location="south")
    await inventory.published()
    assert (await inventory.put("/v1/locations/main", {"name": "Main", "priority": 1})).status_code == 200
    first, *events = await inventory.published()
    assert (first.key, first.name, first.sequence) == ("main", "LocationChanged", 2)
    assert sorted((event.key, event.name, event.sequence) for event in events) == [
        ("chair", "StockLevelChanged", 2),
        ("lamp", "StockLevelChanged", 2),
    ]
    assert all(level.priority == 1 for event in events for level in event.payload.levels)
    await inventory.put("/v1/locations/main", {"name": "Renamed", "priority": 1})
    assert [event.name for event in await inventory.published()] == ["LocationChanged"]


async def test_a_location_has_a_calendar_by_which_it_ships(inventory):
    calendar = {
        "time_zone": "Europe/Berlin",
        "cut_off": "14:30",
        "handling_days": 2,
        "working_days": ["monday", "friday"],
        "holidays": ["2026-12-25", "2027-01-01"],
    }
    response = await inventory.put("/v1/locations/main", {"name": "Main", "priority": 10, **calendar})
    assert response.status_code == 200
    shown = await inventory.get("/v1/locations/main")
    assert {name: shown[name] for name in calendar} == calendar
    [event] = await inventory.published()
    assert (event.name, event.payload.time_zone, event.payload.handling_days) == ("LocationChanged", "Europe/Berlin", 2)
    refused = await inventory.put("/v1/locations/main", {"name": "Main", "time_zone": "Mars/Base", "holidays": ["1"]})
    assert refused.status_code == 422
    assert [one["pointer"] for one in refused.json()["errors"]] == ["/time_zone", "/holidays/0"]
    assert await inventory.published() == []


async def test_only_an_importer_states_when_a_policy_changed(empty):
    headers = empty.headers("writer")
    body = {"name": "Lamp", "changed_at": "2010-12-01T00:00:00Z"}
    response = await empty.client.put("/v1/skus/lamp", json=body, headers=headers)
    assert (response.status_code, response.json()["code"]) == (403, "import_scope_required")
    assert (await empty.put("/v1/skus/lamp", body)).status_code == 201
    assert (await empty.published())[0].payload.occurred_at.year == 2010
