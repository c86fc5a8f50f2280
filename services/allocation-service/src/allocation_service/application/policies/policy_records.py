"""Policies, their versions and their assignments, as they are kept."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

import orjson

from allocation_service.application.policies.policy_choice import AssignedPolicy, in_force
from allocation_service.domain.policies.policy import Policy
from allocation_service.domain.policies.policy_document import policy_from


@lru_cache(maxsize=4096)
def parsed(name: str, version: int, document: str) -> Policy:
    """The policy of a stored document; the same text is read once."""
    fields: dict[str, Any] = orjson.loads(document)
    return policy_from({**fields, "name": name, "version": version})


class Window(NamedTuple):
    """When a version is in force, in business time: from, until just before; None is without that end."""

    valid_from: datetime | None = None
    valid_until: datetime | None = None

    def shared(self, other: Window) -> Window | None:
        """When both are open; None where they never are at once."""
        begin = max((one.valid_from for one in (self, other) if one.valid_from is not None), default=None)
        end = min((one.valid_until for one in (self, other) if one.valid_until is not None), default=None)
        return None if begin is not None and end is not None and begin >= end else Window(begin, end)


class Version(NamedTuple):
    """A version of a policy; ``status`` is draft, active or retired. ``created`` is a draft's last change."""

    name: str
    version: int
    document: str
    status: str
    note: str
    created_at: datetime
    created_by: str
    activated_at: datetime | None
    activated_by: str | None
    retired_at: datetime | None
    retired_by: str | None
    valid_from: datetime | None
    valid_until: datetime | None

    @property
    def policy(self) -> Policy:
        """What it says."""
        return parsed(self.name, self.version, self.document)

    @property
    def content(self) -> dict[str, Any]:
        """Its document."""
        found: dict[str, Any] = orjson.loads(self.document)
        return found

    @property
    def window(self) -> Window:
        """When it is in force."""
        return Window(self.valid_from, self.valid_until)

    def ended(self, now: datetime) -> bool:
        """Its window is over."""
        return self.valid_until is not None and self.valid_until <= now


class Listed(NamedTuple):
    """A policy among others, with all of its active versions and its draft."""

    name: str
    revision: int
    versions: Sequence[Version]


def version_in_force(versions: Sequence[Version], now: datetime) -> Version | None:
    """The version of one policy that decides now."""
    active = {one.version: one for one in versions if one.status == "active"}
    found = in_force([AssignedPolicy(one.policy, *one.window) for one in active.values()], now)
    return active[found.version] if found else None


# -- changing: call with the policy's row locked --------------------------------------------------


class Assignment(NamedTuple):
    """``version`` is used once in the whole table: an assignment that was dropped and made again has another."""

    scope: str
    target: str
    policy: str
    version: int
    assigned_at: datetime
    assigned_by: str
