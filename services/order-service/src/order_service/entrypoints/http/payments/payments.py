"""Read payments, replace their method, report results, and give money back."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Response

from order_service.application.payments.change_payments import (
    ChangePayment,
    GiveBack,
    ReplaceMethod,
    ReportResult,
)
from order_service.application.payments.read_payment import begin_setup, read_payment, read_payment_of_order
from order_service.bootstrap import OrderApplication
from order_service.entrypoints.http.dependencies import Application, PaymentReporter, Reader, Writer, visible_to
from order_service.entrypoints.http.fields import OrderId
from order_service.entrypoints.http.payments.payment_schemas import (
    NewMethod,
    NewRefund,
    NewResult,
    NewSetup,
    PaymentView,
    SetupView,
)
from service_kit.commands.command_batcher import IdempotencyClaim
from service_kit.commands.execute import read
from service_kit.http.api_keys import Principal
from service_kit.http.conditional import set_etag
from service_kit.http.fields import Name
from service_kit.http.idempotency import fingerprint, idempotency_key, mark_replayed
from service_kit.http.responses import set_location

router = APIRouter(prefix="/v1", tags=["payments"])

PaymentId = Annotated[Name, Path(description="The payment's id")]


@router.post("/payment-setups", summary="Begin to store a customer's card or account")
async def begin_payment_setup(
    *, principal: Writer, body: NewSetup, application: Application, response: Response
) -> SetupView:
    """Begin a setup at the provider: the storefront shows its form, and the setup's id is an order's `payment.token`.

    Card numbers go from the customer's browser to the provider and never come here.
    """
    response.headers["Cache-Control"] = "no-store"
    customer = principal.customer_id or body.customer_id
    return SetupView.of(await begin_setup(application.providers, body.provider, customer))


@router.get("/payments/{payment_id}", summary="Read a payment")
async def get_payment(
    *, principal: Reader, payment_id: PaymentId, application: Application, response: Response
) -> PaymentView:
    """The payment as it is now, with all its attempts."""
    return await _current(application, payment_id, principal, response)


@router.get("/orders/{order_id}/payment", summary="Read an order's payment")
async def get_payment_of_order(
    *, principal: Reader, order_id: OrderId, application: Application, response: Response
) -> PaymentView:
    """The payment of an order; 404 where it is paid elsewhere."""
    record = await read(application.units, read_payment_of_order, order_id, visible_to(principal))
    set_etag(response, record.stored.payment.version)
    return PaymentView.of(record)


@router.put("/payments/{payment_id}/method", summary="Take another card or account")
async def put_method(
    *, principal: Writer, payment_id: PaymentId, body: NewMethod, application: Application, response: Response
) -> PaymentView:
    """Replace the card or account; what is due is asked of it at once, and what waits for the customer is given up."""
    command = ReplaceMethod(payment_id=payment_id, customer_id=principal.customer_id, method=body.token)
    await application.payment_changes.submit(command, None)
    return await _current(application, payment_id, principal, response)


@router.post("/payments/{payment_id}/results", summary="Report what became of an attempt")
async def post_result(
    *, principal: PaymentReporter, payment_id: PaymentId, body: NewResult, application: Application, response: Response
) -> PaymentView:
    """Report the result of an attempt that `PaymentRequested` or `RefundRequested` asked for.

    The same result again changes nothing; another one of an attempt that has ended is refused (409 `attempt_ended`),
    except that a refund may still fail, a hold may end, and a charge or hold that was given up may have succeeded.
    Refused too: attempts that this service carries out (409), a hold that is over already, and `action_required` of
    what asks no bank (422).
    """
    command = ReportResult(payment_id=payment_id, attempt_id=body.attempt_id, outcome=body.result())
    await application.payment_changes.submit(command, None)
    return await _current(application, payment_id, principal, response)


@router.post("/payments/{payment_id}/refunds", status_code=201, summary="Give money back")
async def post_refund(
    *,
    principal: PaymentReporter,
    payment_id: PaymentId,
    body: NewRefund,
    application: Application,
    response: Response,
    key: Annotated[str, idempotency_key()],
) -> PaymentView:
    """Give money back out of goodwill, or take note of what was given back in another way.

    What is due to the customer by itself, such as for cancelled units, is given back without a request. More than was
    taken and not given back is refused (409 `refund_too_large`, with what is left).
    """
    command: ChangePayment = GiveBack(
        payment_id=payment_id, amount=body.amount, outside=body.paid_outside, reference=body.reference
    )
    claim = IdempotencyClaim(principal.key_id, "give_back", key, fingerprint(body, payment_id), payment_id)
    submitted = await application.payment_changes.submit(command, claim)
    mark_replayed(response, submitted)
    set_location(response.headers, "payments", payment_id)
    return await _current(application, payment_id, principal, response)


async def _current(
    application: OrderApplication, payment_id: str, principal: Principal, response: Response
) -> PaymentView:
    record = await read(application.units, read_payment, payment_id, visible_to(principal))
    set_etag(response, record.stored.payment.version)
    return PaymentView.of(record)
