"""What a merchandiser should know about a policy that is valid: where it may not do what it was made for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from allocation_service.domain.policies.policy import Complete, Policy, Share, Sort
from allocation_service.domain.policies.policy_document import Fault


def warnings(policy: Policy, tier_names: Sequence[str]) -> list[Fault]:
    """Everything worth a second thought, by its place in the document; none of it keeps the policy from deciding.

    ``tier_names`` are the tiers that the service knows, best first: an order's tier counts by its place there.
    """
    return [*_tiers(policy, tier_names), *_rationing_faults(policy), *_guards(policy), *_quotas(policy)]


def _tiers(policy: Policy, tier_names: Sequence[str]) -> Iterator[Fault]:
    if tuple(tier.name for tier in policy.tiers) != tuple(tier_names):
        yield Fault(
            "/tiers",
            f"The service's tiers are {', '.join(tier_names)}. Tiers count by their place, the best first:"
            " name the same ones in the same order, or customers are treated as another tier.",
        )


def _rationing_faults(policy: Policy) -> Iterator[Fault]:
    if policy.share is Share.PROPORTIONAL:
        yield Fault(
            "/share",
            "proportional gives more to those who order more, and so invites inflated orders; under max_min"
            " an order's size beyond its share gains nothing.",
        )
    weights = policy.value_index.weights
    if policy.sort is Sort.VALUE_INDEX:
        if not any(weights):
            yield Fault("/value_index/weights", "Every weight is 0: all units are worth the same, first come decides.")
        if policy.share is not Share.SEQUENTIAL:
            yield Fault(
                "/share",
                "Under value_index a class is whoever has exactly the same value, most often a single line:"
                " a share rarely has anything to share.",
            )
    elif policy.value_index != policy.value_index.__class__():
        yield Fault(
            "/value_index", f"The sort {policy.sort} does not look at the value index; its settings do nothing."
        )


def _guards(policy: Policy) -> Iterator[Fault]:
    holdback = policy.holdback
    if holdback is not None and holdback.enabled:
        if policy.ageing is None:
            yield Fault(
                "/holdback",
                "Nothing bounds how long the last tiers may wait for what is kept: set ageing, whose max_days does.",
            )
        if len({tier.weight for tier in policy.tiers}) == 1 and len(policy.tiers) > 1:
            yield Fault("/holdback", "All tiers weigh the same: nothing will be kept for any of them.")
        if holdback.max_units == 0:
            yield Fault("/holdback/max_units", "At most 0 units are kept: that is as if it were switched off.")
    if policy.bypass_limit == 0:
        yield Fault(
            "/bypass_limit",
            "With 0, stock is kept for an order that ships complete as soon as another could be served before it.",
        )
    if policy.complete is Complete.OPTIMAL:
        yield Fault(
            "/complete",
            "optimal makes a difference only for orders that ship complete and wait for several scarce SKUs;"
            " where no order asks for that, greedy decides the same in less time.",
        )
    if policy.ageing is not None and policy.sort is Sort.FIFO and not (holdback and holdback.enabled):
        yield Fault("/ageing", "First come is served first already: ageing changes nothing here without a holdback.")


def _quotas(policy: Policy) -> Iterator[Fault]:
    for field in ("channel", "region"):
        capped = [quota.name for quota in policy.quotas if quota.field == field]
        if capped:
            yield Fault(
                "/quotas",
                f"Only the {field} {_listed(capped)} is capped. A cap protects a {field} only from those that have"
                f" one: cap every other {field} too, or it may take all there is.",
            )


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
