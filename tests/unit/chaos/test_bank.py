"""The chaos run's view of the payment simulator: what its books say is what was taken, given back and held there."""

from __future__ import annotations

import httpx
from tests.unit.payment_simulator.shop import make_bank

from backorder_payment_simulator.app import Simulator, create_app
from backorder_verify.chaos.bank import ChaosBank

_PAID = {"currency": "eur", "confirm": "true", "off_session": "true", "payment_method": "pm_card_visa"}


async def test_the_books_are_what_was_taken_and_not_given_back_and_what_is_held() -> None:
    simulated = make_bank()
    transport = httpx.ASGITransport(create_app(Simulator(simulated)))
    bank = ChaosBank("http://simulator", "sk_test_simulator", transport=transport)

    async def paid(payment_id: str, **more: str) -> str:
        form = {**_PAID, "amount": "1000", "metadata[payment_id]": payment_id, **more}
        return str((await bank._post("/v1/payment_intents", form))["id"])

    taken = await paid("p1")
    await paid("p1", amount="200")
    await bank._post("/v1/refunds", {"payment_intent": taken, "amount": "300"})
    await paid("p2", capture_method="manual")
    returned = await paid("p3")
    await bank._post("/v1/refunds", {"payment_intent": returned})
    for _ in range(100):
        await paid("p4", amount="100")
    assert await bank.books() == {"p1": (900, 0), "p2": (0, 1000), "p4": (10_000, 0)}
    assert (await bank.store_card("pm_card_visa")).startswith("seti_")
    await bank.close()
    simulated.store.close()
