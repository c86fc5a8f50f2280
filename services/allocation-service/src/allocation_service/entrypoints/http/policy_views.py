"""Policies as answers show them, with what may not do what was meant."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from allocation_service.application.policies import policy_advice
from allocation_service.application.policies.policy_records import Listed, Window, version_in_force
from allocation_service.application.policies.read_policies import ShownPolicy
from allocation_service.entrypoints.http.policy_schemas import PolicyDetail, PolicySummary, VersionView
from allocation_service.entrypoints.http.warning_schemas import WarningView


def detail(shown: ShownPolicy, now: datetime) -> PolicyDetail:
    """A policy as it stands ``now``."""
    found = version_in_force(shown.versions, now)
    active = [one for one in shown.versions if one.status == "active" and not one.ended(now)]
    return PolicyDetail(
        name=shown.name,
        revision=shown.revision,
        in_force=found.version if found else None,
        active=[VersionView.of(one, now) for one in active],
        draft=VersionView.of(shown.draft, now) if shown.draft else None,
        assignments=shown.followers,
    )


def summary(found: Listed, now: datetime, followers: int) -> PolicySummary:
    """A policy among others."""
    deciding = version_in_force(found.versions, now)
    return PolicySummary(
        name=found.name,
        revision=found.revision,
        in_force=deciding.version if deciding else None,
        sort=deciding.policy.sort if deciding else None,
        draft=next((one.version for one in found.versions if one.status == "draft"), None),
        assignments=followers,
    )


def activation_warnings(view: PolicyDetail, activated: int | None, tiers: Sequence[str]) -> list[WarningView]:
    """Seasons that overlap with the version that was ``activated``, and what ``validate`` warns of."""
    return [*_overlaps(view.active, activated), *_advice(view.name, view.active, activated, tiers)]


def retirement_warnings(view: PolicyDetail) -> list[WarningView]:
    """What decides instead for those that follow a policy of which nothing is in force."""
    if view.in_force or not view.assignments:
        return []
    words = (
        f"{view.assignments} assignment(s) follow it and no version is in force now: for a SKU or a category"
        " the next wider scope decides, for the default first come first served."
    )
    return [WarningView(pointer="/in_force", detail=words)]


def _overlaps(active: Sequence[VersionView], activated: int | None) -> list[WarningView]:
    """The other seasons that are open at the same time as the one that was activated, and what decides meanwhile."""
    seasons = {one.version: one for one in active if one.valid_until is not None}
    own = seasons.get(activated or 0)
    if own is None:
        return []
    warnings = []
    for position, other in enumerate(active):
        if other.version == own.version or other.version not in seasons:
            continue
        shared = Window(own.valid_from, own.valid_until).shared(Window(other.valid_from, other.valid_until))
        if shared is not None:
            begin, end = (moment.isoformat() if moment else "" for moment in shared)
            meanwhile = f"from {begin} until {end}" if begin else f"until {end}"
            words = (
                f"Version {other.version} is a season too, and both are open {meanwhile}:"
                f" version {max(own.version, other.version)}, the newer one, decides meanwhile."
            )
            warnings.append(WarningView(pointer=f"/active/{position}", detail=words))
    return warnings


def _advice(name: str, active: Sequence[VersionView], activated: int | None, tiers: Sequence[str]) -> list[WarningView]:
    return [
        WarningView(pointer=f"/active/{position}/policy{one.pointer}", detail=one.detail)
        for position, version in enumerate(active)
        if version.version == activated
        for one in policy_advice.warnings(version.policy.policy(name, tiers), tiers)
    ]
