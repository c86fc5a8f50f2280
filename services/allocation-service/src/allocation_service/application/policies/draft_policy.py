"""Policies are drafted: made, written and thrown away, without any effect on decisions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from allocation_service.application.policies.errors import DraftNotFound, PolicyExists, PolicyNotFound
from allocation_service.application.unit_of_work import AllocationUnitOfWork
from service_kit.commands.expected_version import ExpectedVersion, check_version


@dataclass(frozen=True, slots=True)
class CreatePolicy:
    """A new policy with a draft. ``by`` is the id of the caller's key."""

    name: str
    document: Mapping[str, Any]
    note: str
    by: str


@dataclass(frozen=True, slots=True)
class WriteDraft:
    """Make the policy's draft, or replace it; ``expected`` is the revision that the caller has read."""

    name: str
    document: Mapping[str, Any]
    note: str
    by: str
    expected: ExpectedVersion | None


async def create_policies(uow: AllocationUnitOfWork, commands: Sequence[CreatePolicy]) -> list[str | Exception]:
    """Make the policies, each with its draft: the name of each, or PolicyExists."""
    outcomes: list[str | Exception] = []
    for command in commands:
        if await uow.policies.create_policy(command.name):
            await uow.policies.write_draft(command.name, command.document, command.note, command.by)
            outcomes.append(command.name)
        else:
            outcomes.append(PolicyExists())
    return outcomes


async def write_draft(uow: AllocationUnitOfWork, command: WriteDraft) -> None:
    """Write the draft. Raises PolicyNotFound and VersionMismatch."""
    await lock_policy(uow, command.name, command.expected)
    await uow.policies.write_draft(command.name, command.document, command.note, command.by)
    await uow.policies.raise_revision(command.name)


async def delete_draft(uow: AllocationUnitOfWork, name: str, expected: ExpectedVersion | None) -> None:
    """Throw the draft away. Raises PolicyNotFound, DraftNotFound and VersionMismatch."""
    await lock_policy(uow, name, expected)
    if not await uow.policies.drop_draft(name):
        raise DraftNotFound
    await uow.policies.raise_revision(name)


async def lock_policy(uow: AllocationUnitOfWork, name: str, expected: ExpectedVersion | None) -> None:
    """Lock a policy for a change that is based on what the caller has read. Raises PolicyNotFound, VersionMismatch."""
    revision = await uow.policies.read_revision(name, lock=True)
    if revision is None:
        raise PolicyNotFound
    check_version(expected, revision)
