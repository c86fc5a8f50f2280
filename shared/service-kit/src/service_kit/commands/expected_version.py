"""The version of a resource that a change is based on, judged with the resource's row locked."""

from __future__ import annotations

from dataclasses import dataclass


class VersionMismatch(Exception):
    """The resource has another version than the caller has read, or there is none to have a version."""


@dataclass(frozen=True, slots=True)
class ExpectedVersion:
    """What the caller has read: one of these ``versions``, or (None) whatever there is."""

    versions: frozenset[int] | None = None


def check_version(expected: ExpectedVersion | None, current: int | None) -> None:
    """Raise VersionMismatch for a change that is based on another version than ``current``.

    ``expected`` None: the caller does not ask. ``current`` None: there is nothing yet, which no expectation fits.
    """
    if expected is None:
        return
    if current is None or (expected.versions is not None and current not in expected.versions):
        raise VersionMismatch
