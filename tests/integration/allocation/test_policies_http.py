"""The API of policies: drafts, validation, activation, history, assignments, and the short form beside it."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from allocation_service.domain.policies.policy import Ageing, Policy, Sort

FAULTY = {
    "sort": "fifo",
    "complete": "optimal",
    "tiers": [{"name": "gold", "weight": 1, "patience_days": 0, "due_days": 3}],
    "holdback": {},
    "quotas": [{"field": "channel", "name": "web", "units": -1}],
    "ageing": {"step_days": 9, "max_days": 2},
}


async def create(client: httpx.AsyncClient, name: str, policy: Any, key: str = "k", **more: Any) -> httpx.Response:
    body = {"name": name, "policy": policy, **more}
    return await client.post("/v1/policies", json=body, headers={"Idempotency-Key": key})


async def activated(client: httpx.AsyncClient, name: str, policy: Any) -> None:
    assert (await create(client, name, policy, name)).status_code == 201
    assert (await client.post(f"/v1/policies/{name}/activate", json={})).status_code == 200


async def test_a_policy_is_drafted_activated_and_assigned_and_then_decides(
    world: Any, client: httpx.AsyncClient
) -> None:
    made = await create(client, "loyal", {"sort": "priority"}, note="for the club")
    assert (made.status_code, made.headers["location"], made.headers["etag"]) == (201, "/v1/policies/loyal", '"1"')
    body = made.json()
    assert (body["in_force"], body["active"], body["draft"]["version"], body["draft"]["note"]) == (
        None, [], 1, "for the club",
    )  # fmt: skip
    await world.apply(world.sku("A", category="garden/tools"))
    for tier in ("silver", "gold"):
        await world.apply(world.order(tier, ("A", 1), tier=tier)[1])
    short = "/v1/allocation-policies/A"
    assert (await client.get(short)).json()["policy"] == "default", "a draft decides nothing"
    body = (await client.post("/v1/policies/loyal/activate", json={}, headers={"If-Match": '"1"'})).json()
    assert (body["in_force"], body["draft"], body["assignments"], body["revision"]) == (1, None, 0, 2)
    await client.put("/v1/policy-assignments/categories/garden%2Ftools", json={"policy": "loyal"})
    assert (await client.get("/v1/policies/loyal")).json()["assignments"] == 1
    shown = (await client.get(short)).json()
    assert (shown["policy"], shown["scope"], shown["sort"], shown["inherited"]) == (
        "loyal", "category", "priority", True,
    )  # fmt: skip
    await world.apply(world.stock("A", 1))
    assert await world.granted("silver-1", "gold-1") == [0, 1]


async def test_creating_again_with_the_same_key_answers_the_same_and_a_name_is_used_once(
    client: httpx.AsyncClient,
) -> None:
    first, again = [await create(client, "p", {"sort": "fifo"}) for _ in range(2)]
    assert (first.status_code, again.status_code, again.headers.get("idempotent-replayed")) == (201, 201, "true")
    assert again.json() == first.json()
    assert (await create(client, "p", {"sort": "priority"})).status_code == 422
    taken = await create(client, "p", {"sort": "fifo"}, "other")
    assert (taken.status_code, taken.json()["code"]) == (409, "policy_exists")
    for name in ("sku:A", "a/b", ""):
        assert (await create(client, name, {"sort": "fifo"}, "bad")).status_code == 422


async def test_a_draft_is_changed_only_as_it_was_read(client: httpx.AsyncClient) -> None:
    await create(client, "p", {"sort": "fifo"})
    path, body = "/v1/policies/p/draft", {"policy": {"sort": "earliest_due"}}
    assert (await client.put(path, json=body)).status_code == 428
    assert (await client.put(path, json=body, headers={"If-Match": '"7"'})).status_code == 412
    changed = await client.put(path, json=body, headers={"If-Match": '"1"'})
    assert (changed.status_code, changed.headers["etag"], changed.json()["draft"]["version"]) == (200, '"2"', 1)
    assert changed.json()["draft"]["policy"]["sort"] == "earliest_due"
    assert (await client.delete(path, headers={"If-Match": '"1"'})).status_code == 412
    assert [(await client.delete(path)).status_code for _ in range(2)] == [204, 404]
    assert (await client.post("/v1/policies/p/activate", json={})).json()["code"] == "no_draft"
    assert (await client.get("/v1/policies/none")).status_code == 404


async def test_all_faults_are_told_at_once_and_keep_a_draft_from_being_activated(client: httpx.AsyncClient) -> None:
    await create(client, "p", FAULTY)
    verdict = (await client.post("/v1/policies/p/validate")).json()
    pointers = {fault["pointer"] for fault in verdict["faults"]}
    assert verdict["valid"] is False
    assert pointers == {"/tiers/0/patience_days", "/holdback", "/complete", "/quotas/0/units", "/ageing/max_days"}
    refused = await client.post("/v1/policies/p/activate", json={})
    assert refused.status_code == 422
    assert {error["pointer"] for error in refused.json()["errors"]} == pointers
    sent = (await client.post("/v1/policies/p/validate", json={"share": "proportional"})).json()
    assert (sent["valid"], [one["pointer"] for one in sent["warnings"]]) == (True, ["/share"])
    shape = await client.post("/v1/policies/p/validate", json={"sort": "loudest", "share": 3, "colour": "red"})
    assert {error["pointer"] for error in shape.json()["errors"]} == {"/sort", "/share", "/colour"}


async def test_a_weight_out_of_range_is_refused_where_it_stands(client: httpx.AsyncClient) -> None:
    refused = await create(client, "p", {"value_index": {"weights": {"loyalty": 1001, "date": -1, "value": 1000}}})
    assert refused.status_code == 422
    at = "/policy/value_index/weights/"
    assert {error["pointer"] for error in refused.json()["errors"]} == {f"{at}loyalty", f"{at}date"}


async def test_a_document_is_validated_as_it_is_drafted_or_alone(client: httpx.AsyncClient) -> None:
    await create(client, "p", {"sort": "fifo"})
    path, policy = "/v1/policies/p/validate", {"share": "proportional", "bypass_limit": -1}
    alone = (await client.post(path, json=policy)).json()
    assert [one["pointer"] for one in alone["faults"]] == ["/bypass_limit"]
    assert (await client.post(path, json={"policy": policy, "note": "as drafted"})).json() == alone
    shape = await client.post(path, json={"policy": {"sort": "loudest", "colour": "red"}, "draft": 1})
    assert {one["pointer"] for one in shape.json()["errors"]} == {"/policy/sort", "/policy/colour", "/draft"}
    for wrong in (["fifo"], "fifo", 5):
        refused = await client.post(path, json=wrong)
        assert (refused.status_code, refused.json()["detail"]) == (422, "A JSON object is required.")
    text = await client.post(path, content=b"fifo", headers={"Content-Type": "text/plain"})
    assert text.status_code == 415
    assert (await client.post(path, json={})).json()["valid"] is True, "a plain policy"


async def test_a_season_is_over_when_its_window_is(world: Any, client: httpx.AsyncClient) -> None:
    await activated(client, "p", {"sort": "fifo"})
    await client.put("/v1/policies/p/draft", json={"policy": {"sort": "priority"}}, headers={"If-Match": "*"})
    begin, end = world.now - timedelta(hours=1), world.now + timedelta(hours=1)
    path = "/v1/policies/p/activate"
    for bad in (
        {"valid_until": begin},
        {"valid_from": end, "valid_until": end},
        {"valid_until": "2030-01-01T00:00:00"},
    ):
        sent = {name: str(value).replace(" ", "T") for name, value in bad.items()}
        assert (await client.post(path, json=sent)).status_code == 422, sent
    window = {"version": 2, "valid_from": begin.isoformat(), "valid_until": end.isoformat()}
    first, again = [await client.post(path, json=window) for _ in range(2)]
    assert (first.status_code, first.json()["in_force"], [one["version"] for one in first.json()["active"]]) == (
        200, 2, [2, 1],
    )  # fmt: skip
    assert again.json() == first.json()
    other = await client.post(path, json={"version": 7})
    assert other.json()["code"] == "no_draft"
    ended = await client.post("/v1/policies/p/retire", json={"version": 2})
    assert (ended.json()["in_force"], [one["version"] for one in ended.json()["active"]]) == (1, [1])
    assert (await client.post("/v1/policies/p/retire", json={"version": 9})).status_code == 404


async def test_a_season_that_overlaps_another_says_which_version_decides_meanwhile(
    world: Any, client: httpx.AsyncClient
) -> None:
    await activated(client, "p", {"sort": "fifo"})
    begin = world.now + timedelta(days=1)

    async def season(sort: str, first: int, last: int) -> list[dict[str, str]]:
        body = {"policy": {"sort": sort}}
        await client.put("/v1/policies/p/draft", json=body, headers={"If-Match": "*"})
        window = {"valid_from": begin + timedelta(days=first), "valid_until": begin + timedelta(days=last)}
        sent = {name: moment.isoformat() for name, moment in window.items()}
        answer = await client.post("/v1/policies/p/activate", json=sent)
        assert answer.status_code == 200, answer.text
        found: list[dict[str, str]] = answer.json()["warnings"]
        return found

    assert await season("priority", 0, 5) == []
    assert await season("earliest_due", 5, 7) == [], "it begins when the other ends"
    (warning,) = await season("value_index", 3, 5)
    assert warning["pointer"] == "/active/2", "versions stand newest first: 4, 3, 2 and 1"
    assert "version 4, the newer one, decides" in warning["detail"]
    for day in (3, 5):
        assert (begin + timedelta(days=day)).isoformat() in warning["detail"]


async def test_what_validate_warns_of_is_said_again_where_a_version_is_put_in_force(client: httpx.AsyncClient) -> None:
    await activated(client, "p", {"sort": "fifo"})
    body = {"policy": {"share": "proportional"}}
    await client.put("/v1/policies/p/draft", json=body, headers={"If-Match": "*"})
    (expected,) = (await client.post("/v1/policies/p/validate")).json()["warnings"]
    answer = (await client.post("/v1/policies/p/activate", json={})).json()
    assert answer["active"][0]["policy"]["share"] == "proportional"
    assert answer["warnings"] == [{"pointer": "/active/0/policy/share", "detail": expected["detail"]}]


async def test_the_history_tells_who_when_and_what(client: httpx.AsyncClient) -> None:
    await activated(client, "p", {"sort": "fifo"})
    for sort in ("priority", "value_index"):
        body = {"policy": {"sort": sort}, "note": f"try {sort}"}
        await client.put("/v1/policies/p/draft", json=body, headers={"If-Match": "*"})
        await client.post("/v1/policies/p/activate", json={})
    rows, url = [], "/v1/policies/p/history?limit=2"
    while url:
        page = await client.get(url)
        rows += page.json()["data"]
        url = page.links["next"]["url"] if "next" in page.links else ""
    assert [(row["version"], row["status"], row["note"]) for row in rows] == [
        (3, "active", "try value_index"), (2, "retired", "try priority"), (1, "retired", ""),
    ]  # fmt: skip
    assert [row["changes"] for row in rows] == [
        [{"pointer": "/sort", "before": "priority", "after": "value_index"}],
        [{"pointer": "/sort", "before": "fifo", "after": "priority"}],
        [],
    ]
    assert all(row["activated_by"].startswith("key_") and row["activated_at"] for row in rows)
    assert rows[1]["retired_by"].startswith("key_")


async def test_policies_are_listed_by_name_and_templates_can_be_created_from(client: httpx.AsyncClient) -> None:
    templates = (await client.get("/v1/policy-templates")).json()["data"]
    for template in templates:
        await activated(client, template["name"], template["policy"])
        verdict = (await client.post(f"/v1/policies/{template['name']}/validate")).json()
        assert verdict == {"valid": True, "faults": [], "warnings": []}
    rows, url = [], "/v1/policies?limit=2"
    while url:
        page = await client.get(url)
        rows += page.json()["data"]
        url = page.links["next"]["url"] if "next" in page.links else ""
    assert [(row["name"], row["in_force"], row["assignments"]) for row in rows] == [
        ("default", 1, 1), ("fifo", 1, 0), ("priority", 1, 0), ("value-index", 1, 0), ("wholesale", 1, 0),
    ]  # fmt: skip


async def test_assignments_are_made_changed_and_dropped(client: httpx.AsyncClient) -> None:
    await activated(client, "p", {"sort": "priority"})
    path = "/v1/policy-assignments/skus/A%2F1"
    assert (await client.get(path)).status_code == 404
    assert (await client.put(path, json={"policy": "none"})).json()["errors"][0]["pointer"] == "/policy"
    made = await client.put(path, json={"policy": "p"})
    tag = made.headers["etag"]
    assert (made.json()["scope"], made.json()["target"]) == ("sku", "A/1")
    assert (await client.put(path, json={"policy": "p"})).headers["etag"] == tag
    assert (await client.get(path, headers={"If-None-Match": tag})).status_code == 304
    assert (await client.put(path, json={"policy": "default"}, headers={"If-Match": '"0"'})).status_code == 412
    assert (await client.put("/v1/policy-assignments/default", json={"policy": "p"})).status_code == 200
    listed = (await client.get("/v1/policy-assignments", params={"policy": "p"})).json()["data"]
    assert [(row["scope"], row["target"]) for row in listed] == [("default", ""), ("sku", "A/1")]
    assert (await client.delete("/v1/policy-assignments/default")).status_code == 405
    assert [(await client.delete(path)).status_code for _ in range(2)] == [204, 404]
    assert (await client.put(path, json={"policy": "p"})).headers["etag"] != tag


async def test_the_short_form_changes_the_sort_and_keeps_the_rest(client: httpx.AsyncClient) -> None:
    share = {"sort": "priority", "share": "max_min", "quotas": [{"field": "channel", "name": "web", "units": 3}]}
    await activated(client, "shared", share)
    for sku in ("A", "B"):
        await client.put(f"/v1/policy-assignments/skus/{sku}", json={"policy": "shared"})
    changed = await client.put("/v1/allocation-policies/A", json={"sort": "earliest_due"})
    assert (changed.json()["policy"], changed.json()["version"]) == ("sku:A", 1)
    own = (await client.get("/v1/policies/sku:A")).json()["active"][0]["policy"]
    assert (own["sort"], own["share"], own["quotas"]) == ("earliest_due", "max_min", share["quotas"])
    assert (await client.get("/v1/allocation-policies/B")).json()["sort"] == "priority", "others follow it unchanged"


async def test_the_short_form_keeps_whether_promises_are_protected(client: httpx.AsyncClient) -> None:
    path = "/v1/allocation-policies/A"
    assert (await client.put(path, json={"sort": "fifo"})).json()["protect_promises"] is True
    assert (await client.put(path, json={"sort": "fifo", "protect_promises": False})).json()["version"] == 2
    kept = (await client.put(path, json={"sort": "priority"})).json()
    assert (kept["version"], kept["protect_promises"]) == (3, False)
    assert (await client.put(path, json={"sort": "priority"})).json()["version"] == 3, "nothing to change"


async def test_the_short_form_during_a_season_keeps_the_everyday_policy_and_ends_the_season(
    client: httpx.AsyncClient,
) -> None:
    path, own = "/v1/allocation-policies/A", "/v1/policies/sku:A"
    await client.put(path, json={"sort": "priority"})
    everyday = {"sort": "priority", "ageing": {"step_days": 7, "max_days": 30}}
    season = {"sort": "fifo", "quotas": [{"field": "channel", "name": "web", "units": 1}]}
    for policy, window in ((everyday, {}), (season, {"valid_until": "2999-12-27T00:00:00Z"})):
        drafted = await client.put(f"{own}/draft", json={"policy": policy}, headers={"If-Match": "*"})
        assert drafted.status_code == 200, drafted.text
        assert (await client.post(f"{own}/activate", json=window)).status_code == 200
    assert (await client.get(path)).json()["sort"] == "fifo"
    changed = (await client.put(path, json={"sort": "value_index"})).json()
    (warning,) = [one for one in changed["warnings"] if one["pointer"] == "/policy"]
    assert "a season until 2999-12-27" in warning["detail"]
    (left,) = (await client.get(own)).json()["active"]
    assert (left["policy"]["sort"], left["policy"]["quotas"]) == ("value_index", [])
    assert left["policy"]["ageing"]["step_days"] == 7


async def test_a_default_without_a_version_in_force_says_what_decides_and_is_set_again(
    client: httpx.AsyncClient,
) -> None:
    path = "/v1/allocation-policies/default"
    version = (await client.get("/v1/policies/default")).json()["in_force"]
    retired = (await client.post("/v1/policies/default/retire", json={"version": version})).json()
    assert retired["in_force"] is None
    assert "first come first served" in retired["warnings"][0]["detail"]
    assigned = (await client.put("/v1/policy-assignments/default", json={"policy": "default"})).json()
    assert "first come first served" in assigned["warnings"][0]["detail"]
    assert (await client.put(path, json={"sort": "fifo"})).json()["version"] > version
    assert (await client.get("/v1/policies/default")).json()["in_force"] is not None


async def test_if_match_fits_nothing_where_there_is_nothing(client: httpx.AsyncClient) -> None:
    await activated(client, "p", {"sort": "priority"})
    anything = {"If-Match": "*"}
    for path, body in (
        ("/v1/allocation-policies/A", {"sort": "fifo"}),
        ("/v1/policy-assignments/skus/B", {"policy": "p"}),
    ):
        assert (await client.put(path, json=body, headers=anything)).status_code == 412
        assert (await client.put(path, json=body)).status_code == 200
        assert (await client.put(path, json=body, headers=anything)).status_code == 200


async def test_the_short_form_leaves_a_draft_alone_and_is_not_undone_by_activating_it(
    client: httpx.AsyncClient,
) -> None:
    await client.put("/v1/policies/default/draft", json={"policy": {"sort": "priority"}}, headers={"If-Match": "*"})
    assert (await client.put("/v1/allocation-policies/default", json={"sort": "earliest_due"})).json()["version"] == 2
    found = (await client.get("/v1/policies/default")).json()
    assert (found["in_force"], found["draft"]["version"]) == (2, 3)
    found = (await client.post("/v1/policies/default/activate", json={"version": 3})).json()
    assert (found["in_force"], [one["version"] for one in found["active"]]) == (3, [3])
    assert (await client.get("/v1/allocation-policies/default")).json()["sort"] == "priority"


@pytest.mark.parametrize(
    "policy",
    [
        Policy(sort=Sort.EARLIEST_DUE),
        Policy(sort=Sort.VALUE_INDEX),
        Policy(sort=Sort.VALUE_INDEX, protect_promises=False),
        Policy(sort=Sort.PRIORITY, ageing=Ageing(2, 9)),
    ],
)
async def test_the_queue_is_shown_in_the_order_in_which_it_is_served(
    world: Any, client: httpx.AsyncClient, policy: Policy
) -> None:
    await world.use(policy)
    start = world.now
    world.later(days=-12)
    await world.apply(world.sku("A", lead_time_days=5))
    for number, tier in enumerate(["silver", "gold", None, "platinum", "silver", "gold", None, "silver"]):
        needed = (start + timedelta(days=9 - number)).date() if number % 3 == 0 else None
        await world.apply(world.order(f"o{number}", ("A", 1), tier=tier, needed_by=needed)[1])
        world.later(days=1)
    world.clock.set(start)
    rows, url = [], "/v1/backorders?sku=A&limit=3"
    while url:
        page = await client.get(url)
        rows += page.json()["data"]
        url = page.links["next"]["url"] if "next" in page.links else ""
    assert [row["place"] for row in rows] == list(range(1, 9))
    for row in rows[::3]:
        own = (await client.get("/v1/backorders", params={"order_id": row["order_id"]})).json()["data"]
        assert [one["place"] for one in own] == [row["place"]]
    served: list[str] = []
    for _ in rows:
        await world.apply(world.stock("A", 1))
        given = await world.rows("SELECT order_id FROM demand WHERE granted_units > 0")
        served += sorted({one.order_id for one in given} - set(served))
    assert [row["order_id"] for row in rows] == served
