"""Queueing the messages to customers whose payment needs them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from event_contracts import Event, PaymentAction, PaymentStatus, new_event_id
from notification_service.application.ports.notifications import NewNotification
from notification_service.application.ports.unit_of_work import NotificationUnitOfWork
from notification_service.domain.orders import OrderProjection
from notification_service.domain.payment_problems import PAYMENT_PROBLEM, TOLD_ACTIONS, problem_id


async def queue_payment_problems(
    uow: NotificationUnitOfWork, events: Sequence[Event], orders: Mapping[str, OrderProjection]
) -> None:
    """Queue one message for each problem, to be sent at once, and end those of problems that are over and unsent.

    The problem is the message's cause, so that there is one of it however often a bank is asked again. The newest
    version of each payment counts. An order without a contact gets none. The orders are locked.
    """
    newest: dict[str, PaymentStatus] = {}
    for event in events:
        payment = event.payload
        if isinstance(payment, PaymentStatus):
            known = newest.get(payment.order_id)
            newest[payment.order_id] = payment if known is None or known.version < payment.version else known
    if not newest:
        return
    problems = {order_id: problem for order_id, payment in newest.items() if (problem := _problem(payment))}
    versions = {order_id: payment.version for order_id, payment in newest.items()}
    await uow.notifications.supersede_payment_problems(versions, {cause for cause, _ in problems.values()}, uow.now)
    messages = [
        NewNotification(
            notification_id=new_event_id(),
            order_id=order_id,
            contact_id=contact_id,
            template=PAYMENT_PROBLEM,
            cause=cause,
            template_data=_template_data(orders[order_id], versions[order_id], action),
        )
        for order_id, (cause, action) in problems.items()
        if (contact_id := orders[order_id].contact_id) is not None
    ]
    if messages:
        await uow.notifications.add(messages, uow.now)


def _problem(payment: PaymentStatus) -> tuple[str, PaymentAction] | None:
    """The cause of the message, and what the customer has to do; None: nothing that there are words for."""
    action = payment.action
    if action is None or action.kind not in TOLD_ACTIONS:
        return None
    return problem_id(action.attempt_id, action.kind), action


def _template_data(order: OrderProjection, version: int, action: PaymentAction) -> dict[str, Any]:
    """The message as JSON data. Nothing in it is personal."""
    return {
        "reference": order.reference,
        "placed_at": order.placed_at.isoformat() if order.placed_at else None,
        "sections": [],
        "payment_version": version,
        "action": action.kind,
        "url": action.url,
        "until": action.until.isoformat(),
    }
