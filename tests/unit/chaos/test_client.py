"""The chaos run's client: which requests it repeats, and which responses it records as wrong."""

from __future__ import annotations

import random
from collections.abc import Callable

import httpx
import pytest

from backorder_verify.chaos.client import PatientClient, Refused
from backorder_verify.chaos.client_record import ClientRecord

BODY = {"reference": "order-1"}
KEY = {"Idempotency-Key": '"order-1"'}


def client_of(answer: Callable[[httpx.Request], httpx.Response]) -> tuple[PatientClient, ClientRecord]:
    record = ClientRecord()
    client = PatientClient(
        lambda service: [f"http://{service}"], "key", record, random.Random(1), transport=httpx.MockTransport(answer)
    )
    return client, record


async def test_a_request_whose_response_was_lost_is_repeated_with_the_same_key_and_body() -> None:
    seen: list[tuple[str, bytes]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append((request.headers["Idempotency-Key"], request.content))
        if len(seen) == 1:
            raise httpx.ReadError("connection reset")
        if len(seen) == 2:
            return httpx.Response(503, json={"code": "unavailable"})
        return httpx.Response(201, json={"order_id": "o1"}, headers={"ETag": '"1"'})

    client, record = client_of(answer)
    document, etag = await client.send("place", "order", "POST", "/v1/orders", body=BODY, headers=KEY)
    assert (document, etag) == ({"order_id": "o1"}, '"1"')
    assert len(seen) == 3
    assert len(set(seen)) == 1
    assert record.resent == {"place": 1}
    assert not record.wrong


async def test_a_key_that_another_process_works_on_is_asked_again() -> None:
    answers = [httpx.Response(409, json={}, headers={"Retry-After": "1"}), httpx.Response(201, json={})]
    client, _ = client_of(lambda _: answers.pop(0))
    await client.send("place", "order", "POST", "/v1/orders", body=BODY, headers=KEY)
    assert not answers


@pytest.mark.parametrize(
    ("status", "code", "is_wrong"),
    [
        (409, "not_shippable", False),
        (412, "precondition_failed", False),
        (409, "reference_taken", True),
        (404, "not_found", True),
        (422, "idempotency_key_reused", True),
    ],
)
async def test_only_refusals_that_a_correct_system_gives_are_taken_for_right(
    status: int, code: str, is_wrong: bool
) -> None:
    client, record = client_of(lambda _: httpx.Response(status, json={"code": code}))
    with pytest.raises(Refused):
        await client.send("place", "order", "POST", "/v1/orders", body=BODY, headers=KEY)
    assert bool(record.wrong) is is_wrong
