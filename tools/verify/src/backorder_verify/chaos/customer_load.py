"""What customers do besides ordering: they pay, take another card, get something back, and answer offers of delays."""

from __future__ import annotations

import random
from collections import deque
from datetime import UTC, datetime, timedelta
from typing import Any

from backorder_verify.chaos.bank import ChaosBank
from backorder_verify.chaos.client import PatientClient
from backorder_verify.chaos.client_record import ClientRecord

_PAID_SHARE = 0.4
_PROTECTED_SHARE = 0.6
_LAWS = (("US", "America/Chicago"), ("EU", "Europe/Berlin"), ("UK", "Europe/London"))
_CARDS = ("pm_card_visa", "pm_card_visa", "pm_card_mastercard", "pm_card_chargeCustomerFail")
_CHARGED_AT = ("order", "shipment")
"""Units have to be allocated for a minute before `allocation` charges for them: a run would only wait for that."""
_REMEMBERED = 200
_LOOKS_FOR_TAKEN_MONEY = 8


class CustomerLoad:
    """The operations of customers who pay and are protected by a law."""

    def __init__(self, client: PatientClient, record: ClientRecord, pick: random.Random, bank: ChaosBank) -> None:
        self._client, self._record, self._pick, self._bank = client, record, pick, bank
        self._paid: deque[str] = deque(maxlen=_REMEMBERED)

    async def terms(self) -> dict[str, object]:
        """What a new order says of the law and of its payment."""
        terms: dict[str, object] = {}
        if self._pick.random() < _PROTECTED_SHARE:
            terms["jurisdiction"], terms["time_zone"] = self._pick.choice(_LAWS)
        if self._pick.random() < _PAID_SHARE:
            terms["charge_at"] = self._pick.choice(_CHARGED_AT)
            terms["fees"] = [{"name": "shipping", "amount": 490}]
            terms["payment"] = {"provider": "stripe", "token": await self._card()}
        return terms

    def line_terms(self) -> dict[str, object]:
        """What a line says of its price and its date: some dates are nearer than a supplier can deliver."""
        quoted = {"quoted_date": self._day(1, 20)} if self._pick.random() < _PROTECTED_SHARE else {}
        return {"unit_price": {"amount": self._pick.randint(200, 3000), "currency": "EUR"}, **quoted}

    def placed(self, order: dict[str, Any]) -> None:
        """Remember an order that is paid here."""
        if order["payment_provider"] is not None:
            self._paid.append(order["order_id"])

    async def look(self, _number: int) -> None:
        """Read a payment; what it says has been taken or given back is remembered."""
        payment = await self._some_payment()
        for attempt in payment["attempts"] if payment else ():
            # A refund may still fail after it has succeeded: banks do that.
            if attempt["state"] == "succeeded" and attempt["kind"] != "refund":
                self._record.attempts[attempt["attempt_id"]] = f"{attempt['kind']} of {attempt['amount']}"

    async def replace_method(self, _number: int) -> None:
        """Pay with another card."""
        payment = await self._some_payment()
        if payment is not None:
            path, token = f"/v1/payments/{payment['payment_id']}/method", await self._card()
            await self._client.send("method", "order", "PUT", path, body={"token": token})
            self._record.methods.setdefault(payment["payment_id"], set()).add(token)

    async def give_back(self, number: int) -> None:
        """Give a little of what was taken back, out of goodwill."""
        payment = await self._some_payment()
        for _ in range(_LOOKS_FOR_TAKEN_MONEY):
            if payment is None or payment["captured"] > payment["refunded"]:
                break
            payment = await self._some_payment()
        if payment is not None:
            amount, path = self._pick.randint(1, 50), f"/v1/payments/{payment['payment_id']}/refunds"
            headers = {"Idempotency-Key": f'"give-back-{number}"'}
            await self._client.send("refund", "order", "POST", path, body={"amount": amount}, headers=headers)
            self._record.given_back[payment["payment_id"]] += amount

    async def reply(self, _number: int) -> None:
        """Answer an offer of a delay."""
        path = f"/v1/offers?due_before={self._day(60, 60)}T00:00:00Z&limit=50"
        page, _ = await self._client.send("read", "order", "GET", path)
        if not page["data"]:
            return
        offer = self._pick.choice(page["data"])
        choice = self._pick.choices(("wait", "cancel", "grant_until"), (5, 3, 2))[0]
        body = {"answer": choice, **({"until": self._day(90, 200)} if choice == "grant_until" else {})}
        answer = f"/v1/orders/{offer['order_id']}/offers/{offer['offer_id']}/answer"
        await self._client.send("reply", "order", "POST", answer, body=body)
        self._record.replies.add((offer["offer_id"], choice))

    async def _some_payment(self) -> dict[str, Any] | None:
        if not self._paid:
            return None
        path = f"/v1/orders/{self._pick.choice(self._paid)}/payment"
        payment, _ = await self._client.send("read", "order", "GET", path)
        return payment

    async def _card(self) -> str:
        return await self._bank.store_card(self._pick.choice(_CARDS))

    def _day(self, first: int, last: int) -> str:
        return (datetime.now(UTC) + timedelta(days=self._pick.randint(first, last))).date().isoformat()
