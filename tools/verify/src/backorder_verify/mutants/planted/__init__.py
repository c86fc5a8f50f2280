"""The list of mutants, by the package that each is planted in."""

from __future__ import annotations

from backorder_verify.mutants.mutant import Mutant
from backorder_verify.mutants.planted import allocation, inventory, kit, notification, order, payments

MUTANTS: dict[str, Mutant] = {
    mutant.name: mutant
    for mutants in (
        kit.MUTANTS,
        order.MUTANTS,
        payments.MUTANTS,
        inventory.MUTANTS,
        allocation.MUTANTS,
        notification.MUTANTS,
    )
    for mutant in mutants
}
"""Every mutant by its name."""
