"""Names that nothing known bears: refused where they can only be a mistake, told of where they may yet come."""

from typing import Any

import httpx
import pytest

from allocation_service.domain.policies.policy import Policy, Sort

ASSIGNMENTS = "/v1/policy-assignments"


async def put(client: httpx.AsyncClient, path: str, policy: str = "p") -> Any:
    answer = await client.put(f"{ASSIGNMENTS}/{path}", json={"policy": policy})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def run(client: httpx.AsyncClient, *filters: dict[str, Any], key: str = "k") -> httpx.Response:
    segments = [{"name": f"s{n}", "strategy": "skip", "filter": one} for n, one in enumerate(filters)]
    return await client.post("/v1/runs", json={"name": "a run", "segments": segments}, headers={"Idempotency-Key": key})


def pointers(found: list[dict[str, str]]) -> list[str]:
    return [one["pointer"] for one in found]


async def draft(client: httpx.AsyncClient, name: str) -> None:
    body = {"name": name, "policy": {"sort": "priority"}}
    assert (await client.post("/v1/policies", json=body, headers={"Idempotency-Key": name})).status_code == 201


async def test_assigning_to_what_is_not_known_yet_is_taken_and_told(world: Any, client: httpx.AsyncClient) -> None:
    await draft(client, "p")
    await client.post("/v1/policies/p/activate", json={})
    for path in ("skus/lamp", "categories/garden"):
        found = await put(client, path)
        assert pointers(found["warnings"]) == ["/target"], found
        assert "not known" in found["warnings"][0]["detail"]
    await world.apply(world.sku("lamp", category="garden"))
    for path in ("skus/lamp", "categories/garden", "default"):
        assert (await put(client, path))["warnings"] == []


async def test_the_short_form_tells_of_a_sku_that_is_not_known_too(world: Any, client: httpx.AsyncClient) -> None:
    async def set_sort(name: str) -> Any:
        answer = await client.put(f"/v1/allocation-policies/{name}", json={"sort": "priority"})
        assert answer.status_code == 200, answer.text
        return answer.json()

    assert pointers((await set_sort("lamp"))["warnings"]) == ["/name"]
    await world.apply(world.sku("lamp"))
    for name in ("lamp", "default"):
        assert (await set_sort(name))["warnings"] == []


async def test_assigning_a_policy_of_which_nothing_is_in_force_is_told(client: httpx.AsyncClient) -> None:
    await draft(client, "p")
    await client.post("/v1/policies/p/activate", json={})
    await client.post("/v1/policies/p/retire", json={"version": 1})
    found = await put(client, "default")
    assert pointers(found["warnings"]) == ["/policy"], "it is passed over"


@pytest.mark.parametrize("path", ["skus/lamp", "categories/garden", "default"])
async def test_a_policy_that_has_only_a_draft_is_not_assigned(client: httpx.AsyncClient, path: str) -> None:
    await draft(client, "p")
    refused = await client.put(f"{ASSIGNMENTS}/{path}", json={"policy": "p"})
    assert refused.status_code == 422
    (error,) = refused.json()["errors"]
    assert error["pointer"] == "/policy"
    assert "p has only a draft" in error["detail"] and "POST /v1/policies/p/activate" in error["detail"]
    await client.post("/v1/policies/p/activate", json={})
    await put(client, path)


async def test_a_run_names_the_tiers_there_are(client: httpx.AsyncClient) -> None:
    refused = await run(client, {"tiers": ["gold"]}, {"tiers": ["gold", "golden"]})
    assert refused.status_code == 422
    (error,) = refused.json()["errors"]
    assert error["pointer"] == "/segments/1/filter/tiers/1"
    assert "platinum, gold, silver, standard" in error["detail"]


async def test_a_run_says_which_skus_are_not_known(world: Any, client: httpx.AsyncClient) -> None:
    await world.use(Policy(sort=Sort.FIFO))
    await world.apply(world.sku("A"))
    made = (await run(client, {"skus": ["A"]}, {"skus": ["A", "lamp", *(f"n{n:02}" for n in range(12))]})).json()
    (warning,) = made["warnings"]
    assert warning["pointer"] == "/segments/1/filter/skus"
    assert "lamp, n00" in warning["detail"] and warning["detail"].endswith("and 3 more.")
    assert (await client.get(f"/v1/runs/{made['run_id']}")).json()["warnings"] == made["warnings"]
    await world.apply(world.sku("lamp"))
    assert "lamp" not in (await client.get(f"/v1/runs/{made['run_id']}")).json()["warnings"][0]["detail"]
