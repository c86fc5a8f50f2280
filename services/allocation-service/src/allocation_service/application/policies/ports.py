"""What the use cases of policies need of the database; each store works on one transaction."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from allocation_service.application.policies.policy_choice import Choice, Target
from allocation_service.application.policies.policy_records import Assignment, Listed, Version, Window


class PolicyStore(Protocol):
    """Policies and their versions. Changes are made with the row of the policy locked."""

    async def read_revision(self, name: str, *, lock: bool = False) -> int | None:
        """The revision of a policy, which every change of it raises; None where there is none."""
        ...

    async def read_versions(
        self, name: str, *, retired: bool = False, before: int | None = None, limit: int = 1000
    ) -> list[Version]:
        """Versions of a policy, the newest first: drafts and active ones, with the ``retired`` all."""
        ...

    async def list_policies(self, after: str, limit: int) -> list[Listed]:
        """Policies by name."""
        ...

    async def create_policy(self, name: str) -> bool:
        """Make a policy without versions; False where there is one of that name."""
        ...

    async def write_draft(self, name: str, document: Mapping[str, Any], note: str, by: str) -> None:
        """Make the draft of a policy, or replace the one there is."""
        ...

    async def drop_draft(self, name: str) -> bool:
        """Throw the draft away; False where there is none."""
        ...

    async def activate(self, draft: Version, window: Window, note: str | None, by: str) -> None:
        """Put a draft in force. One that is in force at once and without end retires all others without end."""
        ...

    async def write_active(self, name: str, document: Mapping[str, Any], by: str) -> Version:
        """A new version that is in force at once, past the draft, which stays one; for a policy whose other
        versions have been retired."""
        ...

    async def retire(self, name: str, version: int | None, by: str) -> None:
        """Take an active version (None: all of them) out of force."""
        ...

    async def raise_revision(self, name: str) -> int:
        """Count a change of a policy; its new revision."""
        ...

    async def choice(self, sku: str, category: str | None, now: datetime) -> Choice:
        """The policy that decides about a SKU ``now``: its own, its category's or the default."""
        ...


class PolicyAssignmentStore(Protocol):
    """Who follows which policy, and the queues that are to be reviewed because that changed."""

    async def read_assignment(self, target: Target, *, lock: bool = False) -> Assignment | None:
        """The assignment of a SKU, a category or the default itself; not what it inherits."""
        ...

    async def list_assignments(
        self, after: Target, limit: int, *, policy: str | None = None, without: str = ""
    ) -> list[Assignment]:
        """Assignments by scope and target, all or those of one policy; ``without`` leaves a scope out."""
        ...

    async def count_followers(self, names: Collection[str]) -> dict[str, int]:
        """How many assignments each of these policies has."""
        ...

    async def assign(self, target: Target, policy: str, by: str) -> Assignment:
        """Let a target follow a policy from now on."""
        ...

    async def unassign(self, target: Target) -> None:
        """Let a target follow the next wider scope from now on."""
        ...

    async def category_of(self, sku: str) -> str | None:
        """The category of a SKU, None where it has none or is not known."""
        ...

    async def want_review(self, *, policy: str = "", target: Target | None = None) -> None:
        """Have the queues looked at that a policy, or an assignment, decides about and that stand before free stock.

        What one policy kept, another may hand out. Queues that wait for stock need no look: it will come.
        """
        ...

    async def note_windows(self, now: datetime) -> int:
        """Have the queues looked at whose policies' windows began or ended; how many did."""
        ...

    async def windows_due(self, now: datetime) -> bool:
        """Whether some window began or ended and nobody has taken note of it."""
        ...

    async def reviews_due(self, limit: int, without: Collection[str] = ()) -> list[str]:
        """SKUs whose queues are to be looked at, apart from those of ``without``; the longest marked first."""
        ...

    async def take_reviews(self, limit: int, only: Collection[str] | None = None) -> list[str]:
        """SKUs whose queues are to be looked at, in this transaction and by nobody else; with ``only``, of those."""
        ...

    async def awaiting_review(self, skus: Sequence[str]) -> set[str]:
        """Those of the SKUs whose queues are still to be looked at."""
        ...
