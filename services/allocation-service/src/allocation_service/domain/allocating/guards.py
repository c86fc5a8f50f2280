"""What keeps a demand from stock that is there: units held back, quotas, and stock kept for passed orders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import NamedTuple, Protocol

from allocation_service.domain.policies.holdback import thresholds
from allocation_service.domain.policies.policy import Demand, Policy, Supply
from allocation_service.domain.reasons import Limit, held_back, kept_for_others, used_up


class Context(NamedTuple):
    """What a decision goes by beside supply and demand; stored with it, so that it can be computed again.

    ``thresholds``: units held back by SKU and tier rank; None to compute them from the forecasts.
    ``quota_used``: by SKU, what each quota of the policy (in its order) gave since the last receipt.
    ``kept``: by SKU, units kept for passed orders that are not part of this decision.
    ``promised``: by SKU, units of what is free that promises of such orders need by their claim dates, because
    nothing replaces them by then: kept from whoever was promised a later day, or none.
    ``renewing``: orders that ship complete whose promises are made anew after this: they keep nothing by the old ones.
    ``chosen``: orders that a solver chose; None where none was asked. ``note``: why its answer was not used.
    """

    thresholds: Mapping[str, tuple[int, ...]] | None = None
    quota_used: Mapping[str, tuple[int, ...]] = {}
    kept: Mapping[str, int] = {}
    chosen: tuple[str, ...] | None = None
    note: str = ""
    promised: Mapping[str, tuple[tuple[date, int], ...]] = {}
    renewing: tuple[str, ...] = ()


NO_CONTEXT = Context()
"""Nothing but supply and demand."""


class Outlet(Protocol):
    """Where units would go."""

    @property
    def channel(self) -> str | None: ...
    @property
    def region(self) -> str | None: ...


def with_thresholds(context: Context, policy: Policy, supply: Mapping[str, Supply]) -> Context:
    """The context with the units to hold back, computed once a decision."""
    if context.thresholds is not None:
        return context
    found = {sku: thresholds(policy, one.forecast) for sku, one in sorted(supply.items())} if policy.holdback else {}
    return context._replace(thresholds={sku: levels for sku, levels in found.items() if levels})


class Guards:
    """Limits of one decision; they change as units are given and kept."""

    def __init__(self, policy: Policy, context: Context) -> None:
        self.policy = policy
        self.held = context.thresholds or {}
        self.kept = dict(context.kept)
        self.promised = {sku: list(needs) for sku, needs in context.promised.items()}
        self._used = {sku: list(used) for sku, used in context.quota_used.items()}

    @property
    def idle(self) -> bool:
        """Nothing can ever be in a demand's way: no need to ask for each of them."""
        return not (
            self.held or self.kept or self.promised or self.policy.quotas or self.policy.bypass_limit is not None
        )

    def level(self, tier_rank: int, *, on_top: bool) -> int:
        """How deep a demand that counts as a tier may reach: 0 to the last unit, as those at the top may."""
        return 0 if on_top else min(tier_rank, len(self.policy.tiers) - 1)

    def stock(self, sku: str, level: int, total: int, claim: date | None = None) -> Limit:
        """What a demand that claims supply from a day (None: from none) may take of ``total`` free units."""
        limit = Limit(total)
        kept = self.kept.get(sku, 0) + self.promised_before(sku, claim)
        if kept and total:
            limit = kept_for_others(max(0, total - kept))
        held = self.held.get(sku, ())
        threshold = held[level] if level < len(held) else 0
        if threshold and limit.units:
            tier, or_better = self.policy.better_than(level)
            left, held_units = max(0, limit.units - threshold), min(threshold, limit.units)
            limit = held_back(left, tier, held_units, or_better=or_better)
        return limit

    def promised_before(self, sku: str, claim: date | None) -> int:
        """Units that promises for earlier days need."""
        needs = self.promised.get(sku, ())
        return max([units for day, units in needs if claim is None or day < claim], default=0)

    def keep_promise(self, sku: str, claim: date, units: int) -> None:
        """Keep units for a promise that could not be kept yet."""
        if units > 0:
            self.promised.setdefault(sku, []).append((claim, units))

    def steps(self, sku: str, total: int) -> list[tuple[int, Limit]]:
        """What of ``total`` units those may take together who count as a tier or as a worse one; only tiers
        from which more is held back than from the one before."""
        held = self.held.get(sku, ())
        found = []
        for level in range(1, min(len(held), len(self.policy.tiers))):
            if held[level] > held[level - 1]:
                tier, or_better = self.policy.better_than(level)
                left, kept = max(0, total - held[level]), min(held[level], total)
                found.append((level, held_back(left, tier, kept, or_better=or_better)))
        return found

    def limit(self, demand: Demand, level: int, total: int) -> Limit:
        """What a demand may take of ``total`` free units; of several limits, the tightest is told."""
        limit = self.stock(demand.sku, level, total, demand.claim_date)
        for n in self.quotas_of(demand):
            left = self.left(demand.sku, n)
            if left < limit.units:
                limit = self.quota_limit(n, left)
        return limit

    def quotas_of(self, outlet: Outlet) -> Sequence[int]:
        """The quotas that count what goes there."""
        quotas = self.policy.quotas
        if not quotas:
            return ()
        return [n for n, one in enumerate(quotas) if getattr(outlet, one.field) == one.name]

    def left(self, sku: str, quota: int) -> int:
        """Units a quota still allows."""
        used = self._used.get(sku, ())
        return max(0, self.policy.quotas[quota].units - (used[quota] if quota < len(used) else 0))

    def quota_limit(self, quota: int, units: int) -> Limit:
        """The limit a quota sets."""
        one = self.policy.quotas[quota]
        return used_up(units, one.field, one.name, one.units)

    def spend(self, demand: Demand, units: int) -> None:
        """Count units that are given."""
        for n in self.quotas_of(demand):
            used = self._used.setdefault(demand.sku, [0] * len(self.policy.quotas))
            used += [0] * (len(self.policy.quotas) - len(used))
            used[n] += units

    def keep(self, sku: str, units: int, total: int) -> None:
        """Keep units for an order that was passed as often as may be; no more than there are."""
        self.kept[sku] = min(total, self.kept.get(sku, 0) + units)
