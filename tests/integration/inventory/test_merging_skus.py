"""Renaming and merging SKUs over HTTP."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

SOLD = {"name": "Lamp", "lead_time_days": 14, "selling_policy": {"mode": "backorder"}}


async def put(inventory: Any, sku: str) -> str:
    response = await inventory.put(f"/v1/skus/{sku}", SOLD)
    assert response.status_code == 201, response.text
    return str(response.headers["ETag"])


async def merge(inventory: Any, sku: str, into: str, version: str | None = "*") -> Any:
    headers = {} if version is None else {"If-Match": version}
    return await inventory.client.post(f"/v1/skus/{sku}/merge", json={"into": into}, headers=headers)


async def test_a_rename_answers_the_new_one_and_the_old_one_says_what_it_is_called(inventory: Any) -> None:
    version = await put(inventory, "A-1")
    response = await merge(inventory, "A-1", "A1", version)
    assert (response.status_code, response.json()["sku"], response.headers["ETag"]) == (200, "A1", '"1"')
    assert response.json()["selling_policy"]["mode"] == "backorder"
    assert (await inventory.get("/v1/skus/A-1"))["merged_into"] == "A1"
    again = await merge(inventory, "A-1", "A1", None)
    assert (again.status_code, again.json()) == (200, response.json())
    events = await inventory.published()
    assert [event.name for event in events] == ["SkuPolicyChanged", "SkuPolicyChanged", "SkuMerged"]


@pytest.mark.parametrize(
    ("sku", "into", "version", "status", "code"),
    [
        ("A-1", "A1", None, 428, "precondition_required"),
        ("A-1", "A1", '"7"', 412, "precondition_failed"),
        ("A-1", "A-1", "*", 422, None),
        ("nope", "A1", "*", 404, "sku_not_found"),
        ("A-0", "A1", "*", 409, "sku_merged"),
        ("A-1", "A-0", "*", 409, "sku_merged"),
    ],
)
async def test_what_cannot_be_merged_is_refused_with_the_reason(
    inventory: Any, sku: str, into: str, version: str | None, *, status: int, code: str | None
) -> None:
    for one in ("A-0", "A-1", "B"):
        await put(inventory, one)
    assert (await merge(inventory, "A-0", "B")).status_code == 200
    await inventory.published()
    response = await merge(inventory, sku, into, version)
    assert response.status_code == status, response.text
    assert code is None or response.json()["code"] == code
    assert status != 409 or response.json()["merged_into"] == "B"
    assert await inventory.published() == []


async def test_a_document_that_names_the_old_one_is_told_the_new_one(inventory: Any) -> None:
    await put(inventory, "A-1")
    await merge(inventory, "A-1", "A1")
    body = {"reference": "r1", "location_id": "main", "lines": [{"sku": "A-1", "quantity": 1}]}
    response = await inventory.client.post("/v1/receipts", json=body, headers={"Idempotency-Key": "r1"})
    assert response.status_code == 422
    assert {"pointer": "/lines/0/sku", "detail": "the SKU is called 'A1' now: name that one"} in [
        {"pointer": one["pointer"], "detail": one["detail"]} for one in response.json()["errors"]
    ]
    response = await inventory.client.patch("/v1/skus/A-1", json={"name": "x"}, headers={"If-Match": "*"})
    assert (response.status_code, response.json()["merged_into"]) == (409, "A1")


async def test_merges_and_receipts_at_once_leave_no_unit_under_the_old_name(inventory: Any) -> None:
    await put(inventory, "A-1")

    async def receive(number: int) -> int:
        body = {"reference": f"r{number}", "location_id": "main", "lines": [{"sku": "A-1", "quantity": 1}]}
        headers = {"Idempotency-Key": f"r{number}"}
        return int((await inventory.client.post("/v1/receipts", json=body, headers=headers)).status_code)

    *received, merged = await asyncio.gather(*(receive(number) for number in range(10)), merge(inventory, "A-1", "A1"))
    assert merged.status_code == 200
    assert set(received) <= {201, 422}
    levels = (await inventory.get("/v1/stock-levels?limit=500"))["data"]
    assert sum(one["on_hand"] for one in levels if one["sku"] == "A1") == received.count(201)
    assert sum(one["on_hand"] for one in levels if one["sku"] == "A-1") == 0
