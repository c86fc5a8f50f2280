"""Policies, their versions and assignments in memory."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson
from tests.unit.allocation.in_memory_state import AllocationState, PolicyVersion

from allocation_service.application.policies.policy_choice import (
    AssignedPolicy,
    Choice,
    Scope,
    Target,
    choose,
)
from allocation_service.application.policies.policy_records import Assignment, Listed, Version, Window


def choice_of(state: AllocationState, sku: str, category: str | None, moment: datetime | None) -> Choice:
    """The policy that decides about a SKU at a moment."""
    assigned = {
        target: [
            AssignedPolicy(one.version.policy, *one.version.window)
            for one in state.policy_versions.values()
            if one.version.name == assignment.policy and one.version.status == "active"
        ]
        for target, assignment in state.assignments.items()
    }
    return choose(assigned, sku, category, moment)


class InMemoryPolicyStore:
    """Implements PolicyStore."""

    def __init__(self, state: AllocationState, now: datetime) -> None:
        self._state, self._now = state, now

    async def read_revision(self, name: str, *, lock: bool = False) -> int | None:
        """See PolicyStore."""
        return self._state.policies.get(name)

    async def read_versions(
        self, name: str, *, retired: bool = False, before: int | None = None, limit: int = 1000
    ) -> list[Version]:
        """See PolicyStore."""
        found = [
            one
            for one in self._versions(name)
            if (retired or one.status != "retired") and (before is None or one.version < before)
        ]
        return found[:limit]

    async def list_policies(self, after: str, limit: int) -> list[Listed]:
        """See PolicyStore."""
        names = sorted(name for name in self._state.policies if name > after)[:limit]
        return [Listed(name, self._state.policies[name], await self.read_versions(name)) for name in names]

    async def create_policy(self, name: str) -> bool:
        """See PolicyStore."""
        if name in self._state.policies:
            return False
        self._state.policies[name] = 1
        return True

    async def write_draft(self, name: str, document: Mapping[str, Any], note: str, by: str) -> None:
        """See PolicyStore."""
        number = max((one.version for one in self._versions(name) if one.status != "draft"), default=0) + 1
        text = orjson.dumps(document).decode()
        self._keep(Version(name, number, text, "draft", note, self._now, by, None, None, None, None, None, None))

    async def drop_draft(self, name: str) -> bool:
        """See PolicyStore."""
        drafts = [one for one in self._versions(name) if one.status == "draft"]
        for one in drafts:
            del self._state.policy_versions[name, one.version]
        return bool(drafts)

    async def activate(self, draft: Version, window: Window, note: str | None, by: str) -> None:
        """See PolicyStore."""
        if window == Window():
            for one in self._versions(draft.name):
                if one.status == "active" and one.valid_until is None:
                    self._retire(one, by)
        stored = self._state.policy_versions[draft.name, draft.version].version
        active = stored._replace(
            status="active",
            activated_at=self._now,
            activated_by=by,
            note=stored.note if note is None else note,
            valid_from=window.valid_from,
            valid_until=window.valid_until,
        )
        self._keep(active, begun=window.valid_from is None)

    async def write_active(self, name: str, document: Mapping[str, Any], by: str) -> Version:
        """See PolicyStore."""
        newest = (await self.read_versions(name, retired=True, limit=1))[:1]
        free = newest[0].version + 1 if newest else 1
        if newest and newest[0].status == "draft":
            free = newest[0].version
            self._keep(newest[0]._replace(version=free + 1))
        text, now = orjson.dumps(document).decode(), self._now
        made = Version(name, free, text, "active", "", now, by, now, by, None, None, None, None)
        self._keep(made, begun=True)
        return made

    async def retire(self, name: str, version: int | None, by: str) -> None:
        """See PolicyStore."""
        for one in self._versions(name):
            if one.status == "active" and version in (None, one.version):
                self._retire(one, by)

    async def raise_revision(self, name: str) -> int:
        """See PolicyStore."""
        self._state.policies[name] += 1
        return self._state.policies[name]

    async def choice(self, sku: str, category: str | None, now: datetime) -> Choice:
        """See PolicyStore."""
        return choice_of(self._state, sku, category, now)

    def _versions(self, name: str) -> list[Version]:
        """All versions, the newest first."""
        found = [one.version for one in self._state.policy_versions.values() if one.version.name == name]
        return sorted(found, key=lambda one: one.version, reverse=True)

    def _keep(self, version: Version, *, begun: bool = False) -> None:
        if version.name not in self._state.policies:
            raise KeyError(f"there is no policy {version.name}")
        self._state.policy_versions[version.name, version.version] = PolicyVersion(version, begun)

    def _retire(self, version: Version, by: str) -> None:
        key = (version.name, version.version)
        retired = version._replace(status="retired", retired_at=self._now, retired_by=by)
        self._state.policy_versions[key] = self._state.policy_versions[key]._replace(version=retired)


class InMemoryPolicyAssignmentStore:
    """Implements PolicyAssignmentStore."""

    def __init__(self, state: AllocationState, now: datetime) -> None:
        self._state, self._now = state, now

    async def read_assignment(self, target: Target, *, lock: bool = False) -> Assignment | None:
        """See PolicyAssignmentStore."""
        return self._state.assignments.get(_plain(target))

    async def list_assignments(
        self, after: Target, limit: int, *, policy: str | None = None, without: str = ""
    ) -> list[Assignment]:
        """See PolicyAssignmentStore."""
        found = [
            one
            for target, one in sorted(self._state.assignments.items())
            if target > _plain(after) and policy in (None, one.policy) and one.scope != without
        ]
        return found[:limit]

    async def count_followers(self, names: Collection[str]) -> dict[str, int]:
        """See PolicyAssignmentStore."""
        followers = [one.policy for one in self._state.assignments.values() if one.policy in names]
        return {name: followers.count(name) for name in followers}

    async def assign(self, target: Target, policy: str, by: str) -> Assignment:
        """See PolicyAssignmentStore."""
        if policy not in self._state.policies:
            raise KeyError(f"there is no policy {policy}")
        self._state.assigned["last"] += 1
        made = Assignment(*_plain(target), policy, self._state.assigned["last"], self._now, by)
        self._state.assignments[_plain(target)] = made
        return made

    async def unassign(self, target: Target) -> None:
        """See PolicyAssignmentStore."""
        self._state.assignments.pop(_plain(target), None)

    async def category_of(self, sku: str) -> str | None:
        """See PolicyAssignmentStore."""
        known = self._state.skus.get(sku)
        return known.category if known else None

    async def want_review(self, *, policy: str = "", target: Target | None = None) -> None:
        """See PolicyAssignmentStore."""
        if target is not None:
            targets = {_plain(target)}
        else:
            targets = {one for one, assignment in self._state.assignments.items() if assignment.policy == policy}
        for name, sku in sorted(self._state.skus.items()):
            own: set[Target] = {(Scope.DEFAULT.value, ""), (Scope.SKU.value, name)}
            if sku.category is not None:
                own.add((Scope.CATEGORY.value, sku.category))
            if sku.known and sku.waiting_units > 0 and self._state.free(name) > 0 and own & targets:
                # Wanted again, it goes to the end.
                self._state.reviews.pop(name, None)
                self._state.reviews[name] = None

    async def note_windows(self, now: datetime) -> int:
        """See PolicyAssignmentStore."""
        noted = [*self._due(now, "begun"), *self._due(now, "ended")]
        for key, what in noted:
            self._state.policy_versions[key] = self._state.policy_versions[key]._replace(**{what: True})  # type: ignore[arg-type]
        for name in sorted({name for (name, _), _ in noted}):
            await self.want_review(policy=name)
        return len(noted)

    async def windows_due(self, now: datetime) -> bool:
        """See PolicyAssignmentStore."""
        return bool([*self._due(now, "begun"), *self._due(now, "ended")])

    async def reviews_due(self, limit: int, without: Collection[str] = ()) -> list[str]:
        """See PolicyAssignmentStore."""
        return [name for name in self._state.reviews if name not in without][:limit]

    async def take_reviews(self, limit: int, only: Collection[str] | None = None) -> list[str]:
        """See PolicyAssignmentStore."""
        taken = [name for name in self._state.reviews if only is None or name in only][:limit]
        for name in taken:
            del self._state.reviews[name]
        return sorted(taken)

    async def awaiting_review(self, skus: Sequence[str]) -> set[str]:
        """See PolicyAssignmentStore."""
        return self._state.reviews.keys() & set(skus)

    def _due(self, now: datetime, what: str) -> list[tuple[tuple[str, int], str]]:
        """Active versions whose window began or ended without anybody having noted it."""
        found = []
        for key, one in self._state.policy_versions.items():
            moment = one.version.valid_from if what == "begun" else one.version.valid_until
            if one.version.status == "active" and not getattr(one, what) and moment is not None and moment <= now:
                found.append((key, what))
        return found


def _plain(target: Target) -> Target:
    """A target by its plain names, as it is stored."""
    return str(target[0]), target[1]
