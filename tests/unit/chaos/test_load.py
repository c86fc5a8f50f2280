"""The chaos run's load: what an operation that ends in an error leaves behind."""

from __future__ import annotations

import random

import httpx

from backorder_verify.chaos.bank import ChaosBank
from backorder_verify.chaos.client import PatientClient
from backorder_verify.chaos.client_record import ClientRecord
from backorder_verify.chaos.load import Load


async def test_a_response_in_another_form_than_the_contract_s_is_a_wrong_answer() -> None:
    record = ClientRecord()
    client = PatientClient(
        lambda service: [f"http://{service}"],
        "key",
        record,
        random.Random(1),
        transport=httpx.MockTransport(lambda _: httpx.Response(201, json={})),
    )
    bank = ChaosBank(
        "http://bank", "key", transport=httpx.MockTransport(lambda _: httpx.Response(200, json={"id": "s"}))
    )
    load = Load(client, record, seed=1, rate=1.0, bank=bank)
    await load._one(load._place, "place", 7)
    await client.close()
    await bank.close()
    assert record.wrong == ["place 7: KeyError('order_id')"]
    assert not record.done
