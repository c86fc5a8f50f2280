"""From what is untold to messages in the queue, and from the queue to the mail server."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from event_contracts import new_event_id
from notification_service.application.metrics import NOTIFICATIONS
from notification_service.application.ports import Mailer, Renderer, UnitOfWork, UnitOfWorkFactory
from notification_service.application.publishing import conclude
from notification_service.application.records import (
    ClaimedMail,
    Handover,
    Mail,
    MailResult,
    NewNotification,
    Outcome,
    Retry,
    ToldBefore,
)
from notification_service.domain.messages import Message
from notification_service.domain.orders import WatchedOrder
from notification_service.domain.retries import MAIL_DELAYS, next_attempt
from service_kit.runtime.clock import Clock

NO_CONTACT = "no_contact"
GATHERED_AT_ONCE = 200


async def gather_due(uow: UnitOfWorkFactory, clock: Clock) -> int:
    """Turn the untold changes of orders whose time has come into messages; returns how many orders it were."""
    async with uow.transaction() as work:
        now = clock.now()
        orders = await work.orders.lock_due(now, GATHERED_AT_ONCE)
        told: list[tuple[WatchedOrder, Message, ToldBefore]] = []
        for order in orders:
            before = order.told()
            message = order.tell()
            if message is not None and order.contact_id is not None:
                told.append((order, message, before))
        skus = {change.sku for _, message, _ in told for section in message.sections for change in section.changes}
        names = await work.orders.sku_names(skus)
        await work.orders.save(orders)
        await work.notifications.add([_notification(*each, names) for each in told], now)
        return len(orders)


def _notification(
    order: WatchedOrder, message: Message, before: ToldBefore, names: Mapping[str, str]
) -> NewNotification:
    return NewNotification(
        notification_id=new_event_id(),
        order_id=order.order_id,
        contact_id=order.contact_id or "",
        template=message.template.value,
        cause=order.cause or "",
        facts=facts_of(order, message, names),
        told_before=before,
    )


def facts_of(order: WatchedOrder, message: Message, names: Mapping[str, str]) -> dict[str, Any]:
    """The message as data: nothing in it is personal, and every language can be made of it."""
    return {
        "reference": order.reference,
        "placed_at": order.placed_at.isoformat() if order.placed_at else None,
        "sections": [
            {
                "kind": section.kind.value,
                "changes": [
                    {
                        "kind": change.kind.value,
                        "line_id": change.line_id,
                        "sku": change.sku,
                        "name": names.get(change.sku),
                        "quantity": change.quantity,
                        "waiting": change.waiting,
                        "promise_date": change.promise_date.isoformat() if change.promise_date else None,
                        "previous_date": change.previous_date.isoformat() if change.previous_date else None,
                        "reason": change.reason,
                    }
                    for change in section.changes
                ],
            }
            for section in message.sections
        ],
    }


@dataclass(frozen=True, slots=True)
class MailPlan:
    """How messages are delivered. ``lease``: longer than any batch takes, else a message is sent twice."""

    batch: int
    lease: timedelta
    contact_wait: timedelta
    delays: Sequence[timedelta] = MAIL_DELAYS
    chance: Callable[[], float] = random.random


async def deliver_due(uow: UnitOfWorkFactory, renderer: Renderer, mailer: Mailer, clock: Clock, plan: MailPlan) -> int:
    """Send a batch of messages whose turn it is; returns how many were claimed.

    The claim is committed before anything is sent and the result after it. A crash between the two sends a
    message again once the lease has run out, with the same Message-ID.
    """
    async with uow.transaction() as work:
        now = clock.now()
        claims = await work.notifications.claim(now, now + plan.lease, plan.batch)
        strangers = [claim.notification_id for claim in claims if claim.email is None]
        await work.notifications.wait_for_contact(strangers, now + plan.contact_wait)
    ready: list[tuple[ClaimedMail, Mail]] = []
    broken: list[ClaimedMail] = []
    for claim in claims:
        if claim.email is None:
            continue
        try:
            ready.append((claim, renderer.render(claim)))
        except Exception:
            # One unspeakable message must not stop the others; it is tried again, then given up.
            broken.append(claim)
    results = await mailer.send([mail for _, mail in ready]) if ready else []
    attempts: list[tuple[ClaimedMail, Mail | None, MailResult]] = [
        (claim, mail, result) for (claim, mail), result in zip(ready, results, strict=True)
    ]
    attempts += [(claim, None, MailResult(Handover.TRY_AGAIN, "rendering_failed")) for claim in broken]
    if attempts:
        async with uow.transaction() as work:
            finished = await _settle(work, attempts, clock.now(), plan)
        count_ended(finished)
    return len(claims)


async def _settle(
    work: UnitOfWork,
    attempts: Sequence[tuple[ClaimedMail, Mail | None, MailResult]],
    now: datetime,
    plan: MailPlan,
) -> list[Outcome]:
    ended: list[Outcome] = []
    again: list[Retry] = []
    for claim, mail, result in attempts:
        retry_at = None
        if result.handover is Handover.TRY_AGAIN:
            retry_at = next_attempt(claim.attempts, plan.delays, now, plan.chance())
        if retry_at is not None:
            again.append(Retry(claim.notification_id, retry_at, result.reason))
            continue
        reason = None if result.handover is Handover.DONE else result.reason
        ended.append(
            Outcome(
                claim.notification_id, claim.order_id, claim.contact_id, claim.template, claim.attempts, reason, mail
            )
        )
    finished = await conclude(work, ended, now)
    await work.notifications.retry(again)
    return finished


def count_ended(finished: Sequence[Outcome]) -> None:
    """Count messages that ended."""
    for outcome in finished:
        NOTIFICATIONS.labels(outcome.template, "sent" if outcome.sent else "failed").inc()
