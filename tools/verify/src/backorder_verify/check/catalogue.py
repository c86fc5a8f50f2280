"""All invariants, in the order in which they are checked and shown."""

from __future__ import annotations

from backorder_verify.check.agreement_invariants import AGREEMENT_INVARIANTS
from backorder_verify.check.allocation_invariants import ALLOCATION_INVARIANTS
from backorder_verify.check.decision_invariants import DECISION_INVARIANTS
from backorder_verify.check.messaging_invariants import MESSAGING_INVARIANTS
from backorder_verify.check.order_invariants import ORDER_INVARIANTS
from backorder_verify.check.stock_invariants import STOCK_INVARIANTS

INVARIANTS = (
    *MESSAGING_INVARIANTS,
    *ORDER_INVARIANTS,
    *ALLOCATION_INVARIANTS,
    *DECISION_INVARIANTS,
    *AGREEMENT_INVARIANTS,
    *STOCK_INVARIANTS,
)
