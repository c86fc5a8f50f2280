"""Stripe as a payment provider, by its official library.

A charge and a hold are payment intents, confirmed at once and without the customer. Where the bank wants the customer,
the same intent is confirmed again with them: that gives the page of the bank that they are sent to. A capture and a
void are acts on the intent, a refund is an object of its own.

Every request that changes something has the attempt's id as its idempotency key, and carries it as metadata: Stripe
forgets keys after a day, and metadata never.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import httpx
import stripe

from order_service.adapters.payments.stripe_amounts import NotPayable, from_stripe, to_stripe
from order_service.adapters.payments.stripe_client import StripeAccount, open_client
from order_service.adapters.payments.stripe_events import verified_event
from order_service.adapters.payments.stripe_outcomes import (
    CAPTURED_BY,
    WireObject,
    declined_method,
    dispute_state,
    id_of,
    outcome_of_intent,
    outcome_of_refund,
    wants_customer,
)
from order_service.application.payments.ports import ProviderEvent, ProviderUnavailable, ReportedDispute, Setup
from order_service.domain.payments.attempts import Attempt, AttemptKind, AttemptState, Outcome
from order_service.domain.payments.payment import Payment

if TYPE_CHECKING:
    from stripe.params import (
        PaymentIntentCancelParams,
        PaymentIntentConfirmParams,
        PaymentIntentCreateParams,
        SetupIntentCreateParams,
    )


NAME = "stripe"

LONGEST_CALL = 80.0
"""Seconds for all requests of one call together: the worker leaves a payment alone for a little longer."""

_BEFORE = timedelta(hours=1)
_AFTER = timedelta(hours=25)
"""A payment intent is looked for from an hour before its attempt was stored, for clocks may differ, to the end of the
time in which requests are repeated."""

_FULL = ["latest_charge"]
_UNEXPECTED_STATE = "payment_intent_unexpected_state"


class NotSetUp(Exception):
    """The customer has not finished setting up the method."""


@dataclass(frozen=True, slots=True)
class _Method:
    """A card or account, as Stripe knows it."""

    method_id: str
    customer: str | None

    @classmethod
    def of(cls, item: WireObject) -> _Method:
        """What is needed of a PaymentMethod."""
        return cls(item["id"], id_of(item["customer"]))


class StripeProvider:
    """Take, hold and give back money by Stripe's API, or by the simulator that speaks it.

    A payment's method is the id of a SetupIntent that succeeded, or of a PaymentMethod that is kept for a customer.
    """

    def __init__(self, account: StripeAccount, *, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._account = account
        self._client, self._pool = open_client(account, transport)
        self._v1 = self._client.v1

    @property
    def reports_by_api(self) -> bool:
        """See PaymentProvider: Stripe is called."""
        return False

    async def submit(self, payment: Payment, attempt: Attempt) -> Outcome:
        """See PaymentProvider."""
        async with _known_errors():
            try:
                return await self._submit(payment, attempt)
            except NotPayable:
                return Outcome(AttemptState.FAILED, reason="amount_not_payable")
            except NotSetUp:
                return Outcome(AttemptState.FAILED, reason="method_not_set_up")
            except stripe.IdempotencyError as error:
                # The key was used with another body, by an older version of this code: what came of that counts.
                found = await self._find(payment, attempt)
                if found is None:
                    raise ProviderUnavailable(f"the key of attempt {attempt.attempt_id} is used: {error}") from error
                return found

    async def fetch(self, payment: Payment, attempt: Attempt) -> Outcome:
        """See PaymentProvider."""
        async with _known_errors():
            if attempt.kind is AttemptKind.REFUND:
                return outcome_of_refund(await self._known_refund(attempt.reference or ""))
            return await self._outcome(await self._intent(attempt.reference or ""), attempt)

    async def find(self, payment: Payment, attempt: Attempt) -> Outcome | None:
        """See PaymentProvider."""
        async with _known_errors():
            return await self._find(payment, attempt)

    async def abandon(self, payment: Payment, attempt: Attempt) -> Outcome:
        """See PaymentProvider."""
        async with _known_errors():
            reference = attempt.reference or ""
            intent = await self._cancel(reference, f"{attempt.attempt_id}-abandon", abandoned=True)
            return outcome_of_intent(intent, attempt.kind, attempt.attempt_id)

    async def dispute(self, dispute_id: str) -> ReportedDispute | None:
        """See PaymentProvider."""
        async with _known_errors():
            found = (await self._v1.disputes.retrieve_async(dispute_id)).to_dict()
        state, reference = dispute_state(found["status"]), id_of(found["payment_intent"])
        if state is None or reference is None:
            return None
        amount = from_stripe(found["amount"], found["currency"].upper())
        return ReportedDispute(found["id"], reference, amount, state)

    async def set_up(self, order_reference: str | None, customer: str | None) -> Setup:
        """See PaymentProvider. Each setup makes a customer of its own at Stripe, who owns nothing but this method."""
        named = {"order_reference": order_reference, "customer": customer}
        metadata = {name: value for name, value in named.items() if value is not None}
        async with _known_errors():
            owner = await self._v1.customers.create_async({"metadata": metadata})
            params: SetupIntentCreateParams = {"customer": owner.id, "usage": "off_session", "metadata": metadata}
            setup = await self._v1.setup_intents.create_async(params)
        return Setup(setup.id, NAME, setup.client_secret)

    def verify(self, headers: Mapping[str, str], body: bytes, now: datetime) -> ProviderEvent:
        """See PaymentProvider."""
        return verified_event(self._account, headers, body, now, NAME)

    async def close(self) -> None:
        """See PaymentProvider."""
        await self._pool.close_async()

    async def _submit(self, payment: Payment, attempt: Attempt) -> Outcome:
        match attempt.kind:
            case AttemptKind.CHARGE | AttemptKind.HOLD:
                return await self._take(payment, attempt)
            case AttemptKind.CAPTURE:
                return await self._capture(payment, attempt)
            case AttemptKind.VOID:
                intent = await self._cancel(_reference_of(payment, attempt), attempt.attempt_id)
                return outcome_of_intent(intent, attempt.kind, attempt.attempt_id)
            case AttemptKind.REFUND:
                return await self._refund(payment, attempt)

    async def _take(self, payment: Payment, attempt: Attempt) -> Outcome:
        try:
            method = await self._method(attempt.method or payment.method)
        except stripe.InvalidRequestError as error:
            # Stripe forgets no method, not even one that was taken from its customer: this one has never been.
            return Outcome(AttemptState.FAILED, reason=error.code or "no_such_method")
        params: PaymentIntentCreateParams = {
            "amount": to_stripe(attempt.amount, payment.terms.currency),
            "currency": payment.terms.currency.lower(),
            "capture_method": "manual" if attempt.kind is AttemptKind.HOLD else "automatic",
            "confirm": True,
            "off_session": True,
            "payment_method": method.method_id,
            "metadata": _metadata(payment, attempt),
            "expand": _FULL,
        }
        if method.customer is not None:
            params["customer"] = method.customer
        try:
            intent = await self._v1.payment_intents.create_async(params, {"idempotency_key": attempt.attempt_id})
        except stripe.CardError as error:
            reference = _declined_intent(error)
            if reference is None:
                return Outcome(AttemptState.FAILED, reason=error.code or "declined")
            return await self._outcome(await self._intent(reference), attempt)
        except stripe.InvalidRequestError as error:
            return Outcome(AttemptState.FAILED, reason=error.code or "invalid_request")
        return await self._outcome(await self._as_it_is(intent), attempt)

    async def _capture(self, payment: Payment, attempt: Attempt) -> Outcome:
        reference = _reference_of(payment, attempt)
        intent: WireObject
        try:
            captured = await self._v1.payment_intents.capture_async(
                reference,
                {
                    "amount_to_capture": to_stripe(attempt.amount, payment.terms.currency),
                    "metadata": {CAPTURED_BY: attempt.attempt_id},
                },
                {"idempotency_key": attempt.attempt_id},
            )
            intent = captured.to_dict()
        except (stripe.InvalidRequestError, stripe.CardError):
            intent = await self._intent(reference)
        return outcome_of_intent(intent, attempt.kind, attempt.attempt_id)

    async def _refund(self, payment: Payment, attempt: Attempt) -> Outcome:
        try:
            refund = await self._v1.refunds.create_async(
                {
                    "payment_intent": _reference_of(payment, attempt),
                    "amount": to_stripe(attempt.amount, payment.terms.currency),
                    "metadata": _metadata(payment, attempt),
                },
                {"idempotency_key": attempt.attempt_id},
            )
        except (stripe.InvalidRequestError, stripe.CardError) as error:
            return Outcome(AttemptState.FAILED, reason=error.code or "refund_refused")
        return outcome_of_refund(await self._known_refund(refund.id) if _is_replayed(refund) else refund.to_dict())

    async def _known_refund(self, reference: str) -> WireObject:
        return (await self._v1.refunds.retrieve_async(reference)).to_dict()

    async def _cancel(self, reference: str, key: str, *, abandoned: bool = False) -> WireObject:
        """Cancel an intent, or see why it cannot be cancelled."""
        params: PaymentIntentCancelParams = {"cancellation_reason": "abandoned"} if abandoned else {}
        try:
            await self._v1.payment_intents.cancel_async(reference, params, {"idempotency_key": key})
        except stripe.InvalidRequestError as error:
            if error.code != _UNEXPECTED_STATE:
                raise
        return await self._intent(reference)

    async def _intent(self, reference: str) -> WireObject:
        return (await self._v1.payment_intents.retrieve_async(reference, {"expand": _FULL})).to_dict()

    async def _as_it_is(self, intent: stripe.PaymentIntent) -> WireObject:
        """The intent of a response, as it is now: a repeated response may be long out of date."""
        return await self._intent(intent.id) if _is_replayed(intent) else intent.to_dict()

    async def _outcome(self, intent: WireObject, attempt: Attempt) -> Outcome:
        """How an attempt stands. If the bank declined for want of the customer, they are sent to it."""
        if attempt.kind in (AttemptKind.CHARGE, AttemptKind.HOLD) and wants_customer(intent):
            intent = await self._with_customer(intent, attempt)
        return outcome_of_intent(intent, attempt.kind, attempt.attempt_id)

    async def _with_customer(self, intent: WireObject, attempt: Attempt) -> WireObject:
        method = declined_method(intent)
        if method is None:
            return intent
        params: PaymentIntentConfirmParams = {
            "payment_method": method,
            "off_session": False,
            "return_url": self._account.return_url,
            "expand": _FULL,
        }
        key = f"{attempt.attempt_id}-customer"
        try:
            confirmed = await self._v1.payment_intents.confirm_async(intent["id"], params, {"idempotency_key": key})
        except (stripe.CardError, stripe.InvalidRequestError):
            return await self._intent(intent["id"])
        return await self._as_it_is(confirmed)

    async def _method(self, named: str) -> _Method:
        """The payment method and its customer, without whom Stripe does not charge it."""
        if not named.startswith("seti_"):
            return _Method.of((await self._v1.payment_methods.retrieve_async(named)).to_dict())
        setup = await self._v1.setup_intents.retrieve_async(named, {"expand": ["payment_method"]})
        method = setup.to_dict()["payment_method"]
        if method is None:
            raise NotSetUp(named)
        return _Method.of(method)

    async def _find(self, payment: Payment, attempt: Attempt) -> Outcome | None:
        match attempt.kind:
            case AttemptKind.CHARGE | AttemptKind.HOLD:
                reference = await self._find_intent(payment, attempt)
                return None if reference is None else await self._outcome(await self._intent(reference), attempt)
            case AttemptKind.REFUND:
                return await self._find_refund(payment, attempt)
            case AttemptKind.CAPTURE | AttemptKind.VOID:
                intent = await self._intent(_reference_of(payment, attempt))
                if intent["status"] == "requires_capture":
                    return None
                return outcome_of_intent(intent, attempt.kind, attempt.attempt_id)

    async def _find_intent(self, payment: Payment, attempt: Attempt) -> str | None:
        """The intent of an attempt. A customer's list has it at once, a search up to a minute late, or an hour."""
        try:
            customer = (await self._method(attempt.method or payment.method)).customer
        except (NotSetUp, stripe.InvalidRequestError):
            return None
        if customer is None:
            query = f"metadata['attempt_id']:'{attempt.attempt_id}'"
            found = await self._v1.payment_intents.search_async({"query": query, "limit": 1})
            return next((intent.id for intent in found.data), None)
        since, until = attempt.created_at - _BEFORE, attempt.created_at + _AFTER
        created = {"gte": int(since.timestamp()), "lte": int(until.timestamp())}
        listed = await self._v1.payment_intents.list_async(
            {"customer": customer, "created": {"gte": created["gte"], "lte": created["lte"]}, "limit": 100}
        )
        async for intent in listed.auto_paging_iter():
            if _is_of(intent.to_dict(), attempt):
                return intent.id
        return None

    async def _find_refund(self, payment: Payment, attempt: Attempt) -> Outcome | None:
        listed = await self._v1.refunds.list_async({"payment_intent": _reference_of(payment, attempt), "limit": 100})
        async for refund in listed.auto_paging_iter():
            if _is_of(refund.to_dict(), attempt):
                return outcome_of_refund(refund.to_dict())
        return None


@asynccontextmanager
async def _known_errors() -> AsyncIterator[None]:
    """Whatever is neither done nor refused is not known: Stripe could not be reached, or did not say."""
    try:
        async with asyncio.timeout(LONGEST_CALL):
            yield
    except stripe.StripeError as error:
        raise ProviderUnavailable(f"{type(error).__name__}: {error.user_message or error}") from error
    except TimeoutError as error:
        raise ProviderUnavailable("Stripe took too long") from error


def _metadata(payment: Payment, attempt: Attempt) -> dict[str, str]:
    return {"attempt_id": attempt.attempt_id, "payment_id": payment.payment_id, "order_id": payment.order_id}


def _reference_of(payment: Payment, attempt: Attempt) -> str:
    """The intent that a capture, void or refund is about."""
    about = payment.attempt(attempt.of or "")
    return about.reference or ""


def _is_of(item: WireObject, attempt: Attempt) -> bool:
    return (item["metadata"] or {}).get("attempt_id") == attempt.attempt_id


def _declined_intent(error: stripe.CardError) -> str | None:
    return None if error.error is None else id_of(error.error.to_dict().get("payment_intent"))


def _is_replayed(item: stripe.StripeObject) -> bool:
    """Whether this is the response of the first time, which may be long out of date."""
    response = item.last_response
    # httpx's headers: their names have no case.
    return response is not None and response.headers.get("Idempotent-Replayed") == "true"
