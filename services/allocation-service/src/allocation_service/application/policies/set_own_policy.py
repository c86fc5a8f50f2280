"""The short form of policies: the sort of a SKU, or of everything else, in one step.

It writes the policy of that name (``default``, or ``sku:`` and the SKU), activates it and assigns it; what
that policy says beside its sort stays. A policy that others follow too is left alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from allocation_service.application.policies.assign_policy import UnknownTarget, unknown_target
from allocation_service.application.policies.errors import DefaultIsKept, OwnPolicyNotFound, UnsoundSort
from allocation_service.application.policies.policy_choice import DEFAULT, Choice, Scope, Target
from allocation_service.application.policies.policy_records import Assignment, Version, version_in_force
from allocation_service.application.policies.policy_templates import tier_terms
from allocation_service.application.unit_of_work import AllocationUnitOfWork
from allocation_service.domain.policies.policy import Policy, Sort
from allocation_service.domain.policies.policy_document import validate, written_document
from service_kit.commands.expected_version import ExpectedVersion, check_version


@dataclass(frozen=True, slots=True)
class SetOwnPolicy:
    """Serve the target's queue by ``sort``; ``protect_promises`` None leaves that as it is.

    ``expected`` is the policy's version that the caller has read, ``now`` the business time, ``by`` the caller's key.
    """

    target: Target
    sort: Sort
    protect_promises: bool | None
    tiers: tuple[str, ...]
    by: str
    now: datetime
    expected: ExpectedVersion | None


class OwnPolicySet(NamedTuple):
    """What decides about the target now, the seasons that this ended, and whether the target is unknown."""

    choice: Choice
    ended: Sequence[Version]
    unknown: UnknownTarget | None


async def set_own_policy(uow: AllocationUnitOfWork, command: SetOwnPolicy) -> OwnPolicySet:
    """Set the sort; decisions from now on follow it. During a season, the everyday version is kept and the season ends.

    Raises VersionMismatch, UnsoundSort.
    """
    own = own_name(command.target)
    await uow.policies.create_policy(own)
    await uow.policies.read_revision(own, lock=True)
    known = await uow.assignments.read_assignment(command.target, lock=True)
    current = await choice_for(uow, command.target, command.now) if known else None
    check_version(command.expected, current.policy.version if current else None)
    unknown = await unknown_target(uow, command.target)
    if current is not None and _says(current.policy, own, command):
        return OwnPolicySet(current, (), unknown)
    versions = await uow.policies.read_versions(known.policy) if known else []
    base = _everyday(versions, command.now) or (current.policy if current else None)
    ended = _seasons(versions) if known is not None and known.policy == own else []
    return OwnPolicySet(await _write(uow, command, _changed(base, command)), ended, unknown)


async def reset_own_policy(
    uow: AllocationUnitOfWork, target: Target, by: str, now: datetime, expected: ExpectedVersion | None
) -> None:
    """Let a SKU follow its category or the default again. Raises DefaultIsKept, OwnPolicyNotFound, VersionMismatch."""
    if target == DEFAULT:
        raise DefaultIsKept
    await uow.policies.read_revision(own_name(target), lock=True)
    known = await uow.assignments.read_assignment(target, lock=True)
    if known is None:
        raise OwnPolicyNotFound
    check_version(expected, (await choice_for(uow, target, now)).policy.version)
    await uow.assignments.unassign(target)
    await uow.assignments.want_review(target=target)
    if known.policy == own_name(target) and not await uow.assignments.count_followers([known.policy]):
        await uow.policies.retire(known.policy, None, by)
        await uow.policies.raise_revision(known.policy)


async def read_choice(uow: AllocationUnitOfWork, target: Target, now: datetime) -> tuple[Choice, bool]:
    """What decides about the target ``now``, and whether that is its own assignment."""
    own = await uow.assignments.read_assignment(target)
    return await choice_for(uow, target, now), own is not None


async def list_choices(
    uow: AllocationUnitOfWork, after: Target, limit: int, now: datetime
) -> tuple[list[tuple[Assignment, Choice]], bool]:
    """The default and the SKUs with a policy of their own, with what decides about each; whether there are more."""
    found = await uow.assignments.list_assignments(after, limit + 1, without=Scope.CATEGORY)
    shown = [(one, await choice_for(uow, (one.scope, one.target), now)) for one in found[:limit]]
    return shown, len(found) > limit


async def choice_for(uow: AllocationUnitOfWork, target: Target, now: datetime) -> Choice:
    """What decides about a target now. A SKU whose name is ``default`` is a SKU."""
    if target == DEFAULT:
        return await uow.policies.choice("", None, now)
    return await uow.policies.choice(target[1], await uow.assignments.category_of(target[1]), now)


def own_name(target: Target) -> str:
    """The name of the policy that only this target follows."""
    return "default" if target == DEFAULT else f"sku:{target[1]}"


async def _write(uow: AllocationUnitOfWork, command: SetOwnPolicy, policy: Policy) -> Choice:
    """A new version of the target's own policy, in force at once and without end."""
    faults = validate(policy)
    if faults:
        raise UnsoundSort(faults[0])
    own = own_name(command.target)
    # A season that is under way would stand before it: who sets the sort here means now.
    await uow.policies.retire(own, None, command.by)
    version = await uow.policies.write_active(own, written_document(policy), command.by)
    await uow.policies.raise_revision(own)
    await uow.assignments.assign(command.target, own, command.by)
    await uow.assignments.want_review(policy=own)
    return Choice(version.policy, Scope(command.target[0]))


def _says(policy: Policy, own: str, command: SetOwnPolicy) -> bool:
    """Whether a version of the target's own policy is in force that says so already."""
    protects = policy.protect_promises if command.protect_promises is None else command.protect_promises
    same = (policy.sort, policy.protect_promises) == (command.sort, protects)
    return same and policy.name == own and policy.version > 0


def _changed(base: Policy | None, command: SetOwnPolicy) -> Policy:
    policy = base or Policy(tiers=tier_terms(command.tiers))
    protects = policy.protect_promises if command.protect_promises is None else command.protect_promises
    return policy._replace(sort=command.sort, protect_promises=protects)


def _everyday(versions: Sequence[Version], now: datetime) -> Policy | None:
    """What decides when no season does: the newest version in force that has no end."""
    found = version_in_force([one for one in versions if one.valid_until is None], now)
    return found.policy if found else None


def _seasons(versions: Sequence[Version]) -> list[Version]:
    return [one for one in versions if one.status == "active" and one.valid_until is not None]
