"""The loops of payments: what is due is done, what providers told is looked into, and once a day books are compared."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from functools import partial

from prometheus_client import Gauge

from order_service.application.payments.advance_payments import advance_payments
from order_service.application.payments.handle_provider_events import handle_provider_events
from order_service.application.payments.read_payment import count_refunds_due
from order_service.application.payments.reconcile_payments import reconcile_payments
from order_service.bootstrap import OrderApplication
from service_kit.commands.execute import read
from service_kit.hosting.background import repeat
from service_kit.hosting.service import BackgroundTask

_ONCE_A_DAY = 86_400.0

ALARM = timedelta(hours=24)
"""Money that is not given back so long before the law's deadline raises the alarm."""

REFUNDS_DUE = Gauge("order_refunds_due", "Payments with money to give back that the law wants sent within 24 hours")


def advance_due_payments(application: OrderApplication) -> BackgroundTask:
    """The loop that takes, holds and gives back what is due. At its end connections to providers are let go."""

    async def step() -> int:
        found = await advance_payments(application.units, application.providers)
        REFUNDS_DUE.set(await read(application.units, count_refunds_due, application.clock.now() + ALARM))
        return found

    async def advance_due_payments(stopping: asyncio.Event) -> None:
        await repeat(
            "advance_payments", step, stopping, every=application.settings.payment_seconds, more=lambda found: found > 0
        )
        for provider in application.providers.values():
            await provider.close()

    return advance_due_payments


def follow_provider_events(application: OrderApplication) -> BackgroundTask:
    """The loop that asks providers about what they told."""
    step = partial(handle_provider_events, application.units, application.providers)

    async def follow_provider_events(stopping: asyncio.Event) -> None:
        every = application.settings.payment_seconds
        await repeat("handle_provider_events", step, stopping, every=every, more=lambda handled: handled > 0)

    return follow_provider_events


def reconcile_daily(application: OrderApplication) -> BackgroundTask:
    """The loop that compares what is stored with the providers' books."""
    step = partial(reconcile_payments, application.units, application.providers)

    async def reconcile_daily(stopping: asyncio.Event) -> None:
        await repeat("reconcile_payments", step, stopping, every=_ONCE_A_DAY)

    return reconcile_daily
