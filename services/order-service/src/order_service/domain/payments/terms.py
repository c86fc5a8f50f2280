"""On which terms an order is paid: when money is taken, which fees there are, and who keeps a deposit."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ChargeAt(StrEnum):
    """The moment that money is taken for a unit: with the order, or once it is allocated, or once it has shipped.

    With a deposit, a share of everything is taken with the order, and the rest of a unit once it is allocated.
    """

    ORDER = "order"
    ALLOCATION = "allocation"
    SHIPMENT = "shipment"
    DEPOSIT = "deposit"


@dataclass(frozen=True, slots=True)
class Fee:
    """What an order costs besides its units, such as shipping: a name and an ``amount`` in minor units."""

    name: str
    amount: int


@dataclass(frozen=True, slots=True)
class PaymentTerms:
    """The terms that were agreed on with the order; amounts are minor units of ``currency`` (ISO 4217).

    ``deposit_percent`` belongs to a deposit. ``deposit_kept``: the deposit of what the customer cancels stays with
    the merchant (US law leaves that to the contract); of what the law, the merchant or a missing payment cancels it
    goes back whatever was agreed on.
    """

    currency: str
    charge_at: ChargeAt
    deposit_percent: int = 0
    deposit_kept: bool = False
    fees: tuple[Fee, ...] = ()

    @property
    def fee_total(self) -> int:
        """All fees together, in minor units."""
        return sum(fee.amount for fee in self.fees)
