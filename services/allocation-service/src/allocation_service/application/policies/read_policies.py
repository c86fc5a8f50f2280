"""Policies as they are shown."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from allocation_service.application.policies.errors import NothingToValidate, PolicyNotFound
from allocation_service.application.policies.policy_records import Listed, Version, version_in_force
from allocation_service.application.unit_of_work import AllocationUnitOfWork
from allocation_service.domain.policies.policy import Policy


class ShownPolicy(NamedTuple):
    """A policy with its drafted and active versions, and how many assignments follow it."""

    name: str
    revision: int
    versions: Sequence[Version]
    followers: int

    @property
    def draft(self) -> Version | None:
        """The version that is being written."""
        return next((one for one in self.versions if one.status == "draft"), None)


async def read_policy(uow: AllocationUnitOfWork, name: str) -> ShownPolicy:
    """One policy. Raises PolicyNotFound."""
    revision = await uow.policies.read_revision(name)
    if revision is None:
        raise PolicyNotFound
    versions = await uow.policies.read_versions(name)
    followers = await uow.assignments.count_followers([name])
    return ShownPolicy(name, revision, versions, followers.get(name, 0))


async def list_policies(uow: AllocationUnitOfWork, after: str, limit: int) -> tuple[list[Listed], dict[str, int]]:
    """Policies by name behind ``after``, and how many assignments follow each."""
    found = await uow.policies.list_policies(after, limit)
    return found, await uow.assignments.count_followers([one.name for one in found])


async def policy_to_validate(uow: AllocationUnitOfWork, name: str, now: datetime) -> Policy:
    """The policy's draft, else what is in force ``now``. Raises PolicyNotFound, NothingToValidate."""
    shown = await read_policy(uow, name)
    found = shown.draft or version_in_force(shown.versions, now)
    if found is None:
        raise NothingToValidate
    return found.policy


async def read_history(uow: AllocationUnitOfWork, name: str, before: int | None, limit: int) -> list[Version]:
    """All versions of a policy, the newest first; ``before`` is the last of the page before. Raises PolicyNotFound."""
    if await uow.policies.read_revision(name) is None:
        raise PolicyNotFound
    return await uow.policies.read_versions(name, retired=True, before=before, limit=limit)
