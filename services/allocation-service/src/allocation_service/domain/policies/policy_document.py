"""Policies as plain JSON and back, and what is wrong with one, in plain words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from allocation_service.domain.policies.policy import (
    Ageing,
    Complete,
    Holdback,
    Lending,
    Policy,
    Quota,
    Share,
    Sort,
    TierTerms,
    ValueIndex,
    Weights,
)

_QUOTA_FIELDS = ("channel", "region")
_MAX_DAYS, _MAX_WEIGHT = 3650, 1000


class Fault(NamedTuple):
    """What is wrong at a place of the policy's document (a JSON pointer), and what would be right."""

    pointer: str
    detail: str


def policy_document(policy: Policy) -> dict[str, Any]:
    """A policy as plain JSON; ``policy_from`` makes an equal one of it."""
    document = policy._asdict()
    document["sort"], document["share"] = policy.sort.value, policy.share.value
    document["complete"] = policy.complete.value
    document["tiers"] = [one._asdict() for one in policy.tiers]
    index = policy.value_index
    document["value_index"] = {"weights": index.weights._asdict(), "loss_days": index.loss_days}
    document["quotas"] = [one._asdict() for one in policy.quotas]
    document["holdback"] = policy.holdback._asdict() if policy.holdback else None
    document["ageing"] = policy.ageing._asdict() if policy.ageing else None
    document["lending"] = policy.lending._asdict() if policy.lending else None
    return document


def written_document(policy: Policy) -> dict[str, Any]:
    """The document of a policy as its versions keep it: without its name and version."""
    return {name: value for name, value in policy_document(policy).items() if name not in ("name", "version")}


def stored_policy(policy: Policy) -> dict[str, Any]:
    """What a decision keeps of its policy: its name and version, and whatever differs from a plain one.

    There are as many of these as decisions. The defaults of ``Policy`` are thereby part of what is stored.
    """
    document, plain = policy_document(policy), policy_document(Policy())
    kept = ("name", "version", "sort", "protect_promises")
    return {name: value for name, value in document.items() if name in kept or value != plain[name]}


def policy_from(document: Mapping[str, Any]) -> Policy:
    """The policy a document describes; what it leaves out is as in a plain policy.

    Raises ``ValueError`` or ``TypeError`` for what is not a policy at all; ``validate`` judges the rest.
    """
    fields = dict(document)
    for name, kind in (("sort", Sort), ("share", Share), ("complete", Complete)):
        if name in fields:
            fields[name] = kind(fields[name])
    if "tiers" in fields:
        fields["tiers"] = tuple(TierTerms(**one) for one in fields["tiers"])
    if "quotas" in fields:
        fields["quotas"] = tuple(Quota(**one) for one in fields["quotas"])
    if "value_index" in fields:
        index = dict(fields["value_index"])
        fields["value_index"] = ValueIndex(**{**index, "weights": Weights(**index.get("weights", {}))})
    if fields.get("holdback") is not None:
        fields["holdback"] = Holdback(**fields["holdback"])
    if fields.get("ageing") is not None:
        fields["ageing"] = Ageing(**fields["ageing"])
    if fields.get("lending") is not None:
        fields["lending"] = Lending(**fields["lending"])
    return Policy(**fields)


def validate(policy: Policy) -> list[Fault]:
    """Everything that is wrong with a policy, all at once; empty where it can be used."""
    return [*_tiers(policy), *_value_index(policy), *_guards(policy), *_quotas(policy), *_lending(policy)]


def _between(pointer: str, value: int, least: int, most: int, meaning: str) -> Iterator[Fault]:
    if not least <= value <= most:
        yield Fault(pointer, f"{meaning} must be from {least} to {most}, not {value}.")


def _tiers(policy: Policy) -> Iterator[Fault]:
    if not policy.tiers:
        yield Fault("/tiers", "Name at least one tier; everybody belongs to the last one if to no other.")
    names: set[str] = set()
    for n, tier in enumerate(policy.tiers):
        at = f"/tiers/{n}"
        if not tier.name:
            yield Fault(f"{at}/name", "A tier needs a name.")
        elif tier.name in names:
            yield Fault(f"{at}/name", f"The tier {tier.name} is there twice; name each once.")
        names.add(tier.name)
        yield from _between(f"{at}/weight", tier.weight, 1, _MAX_WEIGHT, "A tier's weight")
        yield from _between(f"{at}/patience_days", tier.patience_days, 1, _MAX_DAYS, "The days of patience")
        yield from _between(f"{at}/due_days", tier.due_days, 0, _MAX_DAYS, "The days until an order is due")
        if n and tier.weight > policy.tiers[n - 1].weight:
            better = policy.tiers[n - 1].name
            yield Fault(f"{at}/weight", f"Tiers go from the best down: {tier.name} may not weigh more than {better}.")


def _value_index(policy: Policy) -> Iterator[Fault]:
    for name, percent in policy.value_index.weights._asdict().items():
        yield from _between(f"/value_index/weights/{name}", percent, 0, 1000, f"The weight of {name}, in percent,")
    yield from _between("/value_index/loss_days", policy.value_index.loss_days, 0, _MAX_DAYS, "The days of a loss")


def _guards(policy: Policy) -> Iterator[Fault]:
    holdback, ageing = policy.holdback, policy.ageing
    if holdback is not None:
        if holdback.enabled and len(policy.tiers) < 2:
            yield Fault("/holdback", "Units are held back for better tiers: name at least two tiers, or switch it off.")
        if holdback.horizon_days is not None:
            yield from _between("/holdback/horizon_days", holdback.horizon_days, 1, _MAX_DAYS, "The horizon in days")
        if holdback.max_units is not None and holdback.max_units < 0:
            yield Fault("/holdback/max_units", "The most units to keep must be 0 or more; leave it out for no limit.")
    if ageing is not None:
        yield from _between("/ageing/step_days", ageing.step_days, 1, _MAX_DAYS, "The days of a step")
        yield from _between("/ageing/max_days", ageing.max_days, 1, _MAX_DAYS, "The longest wait in days")
        if ageing.max_days < ageing.step_days:
            yield Fault("/ageing/max_days", "The longest wait must not be shorter than a step.")
    if policy.bypass_limit is not None and policy.bypass_limit < 0:
        yield Fault("/bypass_limit", "The bypass limit must be 0 or more; leave it out for no limit.")
    if policy.complete is Complete.OPTIMAL and policy.sort is not Sort.VALUE_INDEX:
        yield Fault("/complete", "Only the sort value_index has values by which an optimum could be chosen.")
    if policy.complete is Complete.OPTIMAL and policy.share is not Share.SEQUENTIAL:
        yield Fault("/complete", "An optimum is chosen only where nothing is shared: set share to sequential.")


def _quotas(policy: Policy) -> Iterator[Fault]:
    seen: set[tuple[str, str]] = set()
    for n, quota in enumerate(policy.quotas):
        at = f"/quotas/{n}"
        if quota.field not in _QUOTA_FIELDS:
            yield Fault(f"{at}/field", "A quota is for a channel or a region.")
        if not quota.name:
            yield Fault(f"{at}/name", "Name the channel or region the quota is for.")
        if quota.units < 0:
            yield Fault(f"{at}/units", f"A quota must be 0 units or more, not {quota.units}.")
        if (quota.field, quota.name) in seen:
            yield Fault(at, f"There are two quotas for the {quota.field} {quota.name}; keep one.")
        seen.add((quota.field, quota.name))


def _lending(policy: Policy) -> Iterator[Fault]:
    if policy.lending is None:
        return
    confidence, days, least = policy.lending
    yield from _between("/lending/confidence_percent", confidence, 50, 99, "The confidence in percent")
    yield from _between("/lending/lock_days", days, 0, _MAX_DAYS, "The days before the need in which nothing is lent")
    yield from _between("/lending/min_observations", least, 1, 400, "The deliveries to judge by")
