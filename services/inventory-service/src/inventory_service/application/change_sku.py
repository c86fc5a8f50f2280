"""Change some values of a SKU, and leave the others as they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from inventory_service.application.ports import InventoryUnitOfWork
from inventory_service.application.put_skus import PutSkus, put_skus
from inventory_service.application.queries import Versioned
from inventory_service.domain.catalogue import SellingPolicy, Sku
from inventory_service.domain.errors import SkuNotFound, VersionRequired
from inventory_service.domain.expected_version import ExpectedVersion


@dataclass(frozen=True, slots=True)
class ChangeSku:
    """New values by name of the field of ``Sku`` and of its ``SellingPolicy``; what is not named stays.

    ``policy_reset`` sets the selling policy back to its default first. ``changed_at`` is the business time, now if it
    is None.
    """

    sku: str
    expected: ExpectedVersion | None
    values: Mapping[str, Any] = field(default_factory=dict)
    policy_values: Mapping[str, Any] = field(default_factory=dict)
    policy_reset: bool = False
    changed_at: datetime | None = None


async def change_sku(uow: InventoryUnitOfWork, command: ChangeSku) -> Versioned[Sku]:
    """Store the change and publish ``SkuPolicyChanged``; a change to what it is already changes and publishes nothing.

    Raises SkuNotFound, VersionRequired if no version is expected, VersionMismatch and SellingTermsIncomplete.
    """
    known = (await uow.catalogue.lock_skus([command.sku])).get(command.sku)
    if known is None:
        raise SkuNotFound
    if command.expected is None:
        raise VersionRequired
    command.expected.check(known.version)
    policy = SellingPolicy() if command.policy_reset else known.item.policy
    changed = replace(known.item, **command.values, policy=replace(policy, **command.policy_values))
    changed.check()
    stored = await put_skus(uow, PutSkus((changed,), command.changed_at))
    return Versioned(changed, stored[command.sku].version)
