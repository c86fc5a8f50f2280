"""All invariants of the system, in the order in which they are checked and shown."""

from __future__ import annotations

import allocation_service.invariants
import inventory_service.invariants
import notification_service.invariants
import order_service.invariants
from backorder_verify.check.agreement_invariants import AGREEMENT_INVARIANTS
from backorder_verify.check.decision_invariants import DECISION_INVARIANTS
from backorder_verify.check.messaging_invariants import MESSAGING_INVARIANTS
from backorder_verify.check.system_invariant import SystemInvariant, of_service

INVARIANTS: tuple[SystemInvariant, ...] = (
    *MESSAGING_INVARIANTS,
    *of_service("order", order_service.invariants.INVARIANTS),
    *of_service("inventory", inventory_service.invariants.INVARIANTS),
    *of_service("allocation", allocation_service.invariants.INVARIANTS),
    *DECISION_INVARIANTS,
    *of_service("notification", notification_service.invariants.INVARIANTS),
    *AGREEMENT_INVARIANTS,
)
