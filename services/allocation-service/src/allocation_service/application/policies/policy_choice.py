"""Which policy decides about a SKU: its own, its category's, or the default; the version in force at a moment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from allocation_service.domain.policies.policy import Policy


class Scope(StrEnum):
    """What a policy is assigned to."""

    DEFAULT = "default"
    CATEGORY = "category"
    SKU = "sku"


Target = tuple[str, str]
"""A scope and its SKU or category; the default has an empty one."""

DEFAULT: Target = (Scope.DEFAULT, "")


class AssignedPolicy(NamedTuple):
    """An active version. It is in force from ``valid_from`` until just before ``valid_until``, where set."""

    policy: Policy
    valid_from: datetime | None = None
    valid_until: datetime | None = None

    def covers(self, moment: datetime | None) -> bool:
        """Whether a moment lies in its window; without a moment, only versions without a window are in force."""
        if moment is None:
            return self.valid_from is None and self.valid_until is None
        return (self.valid_from is None or self.valid_from <= moment) and (
            self.valid_until is None or moment < self.valid_until
        )


class Choice(NamedTuple):
    """A policy and the assignment by which it decides."""

    policy: Policy
    scope: Scope


def in_force(versions: Iterable[AssignedPolicy], moment: datetime | None) -> Policy | None:
    """The version of one policy that decides at a moment, None where none does.

    A version that ends (a season, a promotion) stands before those that do not, whichever came first; of
    the same kind, the newest. When it ends, the one before it decides again.
    """
    open_ones = [one for one in versions if one.covers(moment)]
    best = max(open_ones, key=lambda one: (one.valid_until is not None, one.policy.version), default=None)
    return best.policy if best else None


def choose(
    assigned: Mapping[Target, Sequence[AssignedPolicy]], sku: str, category: str | None, moment: datetime | None
) -> Choice:
    """The policy of a SKU at a moment. An assigned policy of which no version is in force is passed over."""
    targets: list[Target] = [(Scope.SKU, sku), DEFAULT]
    if category is not None:
        targets.insert(1, (Scope.CATEGORY, category))
    for target in targets:
        policy = in_force(assigned.get(target, ()), moment)
        if policy is not None:
            return Choice(policy, Scope(target[0]))
    return Choice(Policy(), Scope.DEFAULT)
