"""SKUs, categories and everything else follow a policy."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from typing import NamedTuple

from allocation_service.application.policies.errors import (
    AssignedPolicyNeverActive,
    AssignedPolicyUnknown,
    AssignmentNotFound,
)
from allocation_service.application.policies.policy_choice import Scope, Target
from allocation_service.application.policies.policy_records import Assignment, version_in_force
from allocation_service.application.unit_of_work import AllocationUnitOfWork
from service_kit.commands.expected_version import ExpectedVersion, check_version


class UnknownTarget(Enum):
    """A target that inventory has not announced: it may be announced later, or be misspelt."""

    SKU = auto()
    CATEGORY = auto()


class Assigned(NamedTuple):
    """What is assigned now, whether a version is in force, and what may not be meant."""

    assignment: Assignment
    in_force: bool
    unknown: UnknownTarget | None


@dataclass(frozen=True, slots=True)
class AssignPolicy:
    """Let the target follow a policy; ``expected`` is the assignment's version that the caller has read."""

    target: Target
    policy: str
    by: str
    now: datetime
    expected: ExpectedVersion | None


async def assign_policy(uow: AllocationUnitOfWork, command: AssignPolicy) -> Assigned:
    """Let the target follow the policy and have its queues reviewed; doing it again changes nothing.

    Raises AssignedPolicyUnknown, AssignedPolicyNeverActive, VersionMismatch.
    """
    # The policy first, as every change locks it first.
    if await uow.policies.read_revision(command.policy, lock=True) is None:
        raise AssignedPolicyUnknown
    versions = await uow.policies.read_versions(command.policy)
    # There is at most one draft: of two versions one was in force once.
    newest = await uow.policies.read_versions(command.policy, retired=True, limit=2)
    if all(one.status == "draft" for one in newest):
        raise AssignedPolicyNeverActive(command.policy, has_draft=bool(newest))
    found = await uow.assignments.read_assignment(command.target, lock=True)
    check_version(command.expected, found.version if found else None)
    if found is None or found.policy != command.policy:
        found = await uow.assignments.assign(command.target, command.policy, command.by)
        await uow.assignments.want_review(target=command.target)
    in_force = version_in_force(versions, command.now) is not None
    return Assigned(found, in_force, await unknown_target(uow, command.target))


async def unassign_policy(uow: AllocationUnitOfWork, target: Target, expected: ExpectedVersion | None) -> None:
    """Let the target follow the next wider scope. Raises AssignmentNotFound, VersionMismatch."""
    found = await uow.assignments.read_assignment(target, lock=True)
    if found is None:
        raise AssignmentNotFound
    check_version(expected, found.version)
    await uow.assignments.unassign(target)
    await uow.assignments.want_review(target=target)


async def read_assignment(uow: AllocationUnitOfWork, target: Target) -> Assignment:
    """What is assigned to the target itself, not what it inherits. Raises AssignmentNotFound."""
    found = await uow.assignments.read_assignment(target)
    if found is None:
        raise AssignmentNotFound
    return found


async def list_assignments(
    uow: AllocationUnitOfWork, after: Target, limit: int, policy: str | None
) -> list[Assignment]:
    """Assignments by scope and target, all or those of one policy."""
    return await uow.assignments.list_assignments(after, limit, policy=policy)


async def unknown_target(uow: AllocationUnitOfWork, target: Target) -> UnknownTarget | None:
    """Whether the target's name has not been announced."""
    scope, name = target
    if scope == Scope.SKU and await uow.catalogue.unknown_skus([name]):
        return UnknownTarget.SKU
    if scope == Scope.CATEGORY and not await uow.catalogue.is_category_known(name):
        return UnknownTarget.CATEGORY
    return None
