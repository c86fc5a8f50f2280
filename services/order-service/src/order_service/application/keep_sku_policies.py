"""Use case: keep the selling policies that inventory announces, as far as orders need them."""

from __future__ import annotations

from collections.abc import Sequence

from event_contracts import Event, SkuPolicy
from order_service.application.ports import OrderUnitOfWork
from service_kit.messaging.believed_times import believable


async def keep_sku_policies(uow: OrderUnitOfWork, events: Sequence[Event]) -> None:
    """Keep each SKU's newest policy; policies may come in any order and repeatedly."""
    newest: dict[str, SkuPolicy] = {}
    for event in believable(events, uow.now):
        policy = event.payload
        if isinstance(policy, SkuPolicy) and (policy.sku not in newest or policy.version > newest[policy.sku].version):
            newest[policy.sku] = policy
    if newest:
        await uow.skus.save_policies([newest[sku] for sku in sorted(newest)])
