"""A policy's draft is put in force, for good or for a season, and versions are taken out of force."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from allocation_service.application.policies.draft_policy import lock_policy
from allocation_service.application.policies.errors import (
    NoDraft,
    OtherDraft,
    PolicyNotFound,
    UnsoundDraft,
    VersionIsDraft,
    VersionNotFound,
    WindowPassed,
    WindowReversed,
)
from allocation_service.application.policies.policy_records import Version, Window
from allocation_service.application.unit_of_work import AllocationUnitOfWork
from allocation_service.domain.policies.policy_document import validate
from service_kit.commands.expected_version import ExpectedVersion, check_version


@dataclass(frozen=True, slots=True)
class ActivatePolicy:
    """Put the draft in force within ``window``; ``version`` is the draft that the caller has read, if it says so.

    ``now`` is the business time, ``expected`` the revision that the caller has read, ``by`` the id of its key.
    """

    name: str
    version: int | None
    window: Window
    note: str | None
    by: str
    now: datetime
    expected: ExpectedVersion | None


@dataclass(frozen=True, slots=True)
class RetireVersion:
    """Take a version out of force."""

    name: str
    version: int
    by: str
    expected: ExpectedVersion | None


async def activate_policy(uow: AllocationUnitOfWork, command: ActivatePolicy) -> int | None:
    """Put the draft in force and have the queues reviewed that follow it; the version that is active now.

    Repeating it changes nothing. Raises WindowPassed, WindowReversed, PolicyNotFound, VersionMismatch, NoDraft,
    OtherDraft, UnsoundDraft.
    """
    _check_window(command.window, command.now)
    revision = await uow.policies.read_revision(command.name, lock=True)
    if revision is None:
        raise PolicyNotFound
    versions = await uow.policies.read_versions(command.name)
    if _is_active(versions, command.version, command.window):
        return command.version
    check_version(command.expected, revision)
    draft = _sound_draft(versions, command.version)
    await uow.policies.activate(draft, command.window, command.note, command.by)
    await uow.policies.raise_revision(command.name)
    await uow.assignments.want_review(policy=command.name)
    return draft.version


async def retire_version(uow: AllocationUnitOfWork, command: RetireVersion) -> None:
    """Take the version out of force and have the queues reviewed that follow the policy.

    A version that is retired already stays so. Raises PolicyNotFound, VersionMismatch, VersionNotFound, VersionIsDraft.
    """
    await lock_policy(uow, command.name, command.expected)
    versions = await uow.policies.read_versions(command.name, retired=True)
    found = next((one for one in versions if one.version == command.version), None)
    if found is None:
        raise VersionNotFound
    if found.status == "draft":
        raise VersionIsDraft
    if found.status == "active":
        await uow.policies.retire(command.name, command.version, command.by)
        await uow.policies.raise_revision(command.name)
        await uow.assignments.want_review(policy=command.name)


def _check_window(window: Window, now: datetime) -> None:
    if window.valid_until is None:
        return
    if window.valid_until <= now:
        raise WindowPassed
    if window.valid_from is not None and window.valid_from >= window.valid_until:
        raise WindowReversed


def _is_active(versions: Sequence[Version], version: int | None, window: Window) -> bool:
    """Whether this was done already: the answer of the first time was lost."""
    return any(one.version == version and one.status == "active" and one.window == window for one in versions)


def _sound_draft(versions: Sequence[Version], version: int | None) -> Version:
    draft = next((one for one in versions if one.status == "draft"), None)
    if draft is None:
        raise NoDraft
    if version is not None and version != draft.version:
        raise OtherDraft(draft.version)
    faults = validate(draft.policy)
    if faults:
        raise UnsoundDraft(faults)
    return draft
