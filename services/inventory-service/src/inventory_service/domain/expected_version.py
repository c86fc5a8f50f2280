"""Optimistic concurrency: a change says which versions of the row it is based on."""

from __future__ import annotations

from dataclasses import dataclass

from inventory_service.domain.errors import VersionMismatch


@dataclass(frozen=True, slots=True)
class ExpectedVersion:
    """The versions on which a change is based; any of them may be the current one.

    ``any_version`` accepts every version, but demands that there is something to change.
    """

    versions: frozenset[int] = frozenset()
    any_version: bool = False

    def accepts(self, current: int | None) -> bool:
        """Whether the change may be made on version ``current``; None means that there is nothing to change."""
        return current is not None and (self.any_version or current in self.versions)

    def check(self, current: int | None) -> None:
        """Raise VersionMismatch unless ``current`` is accepted. Call it with the version of the locked row."""
        if not self.accepts(current):
            raise VersionMismatch(current)


@dataclass(frozen=True, slots=True)
class ExpectedLineVersion:
    """The versions of a purchase-order line, or of its whole order, on which a change of the line is based."""

    line: ExpectedVersion
    order_versions: frozenset[int] = frozenset()

    def check(self, line_version: int, order_version: int) -> None:
        """Raise VersionMismatch unless the version of the line or the version of its order is accepted."""
        if order_version not in self.order_versions:
            self.line.check(line_version)


@dataclass(frozen=True, slots=True)
class ExpectedOrderVersion:
    """The versions of a whole purchase order on which a change is based; ``any_version`` accepts every one."""

    versions: frozenset[int] = frozenset()
    any_version: bool = False

    def check(self, version: int) -> None:
        """Raise VersionMismatch unless the version of the locked order is accepted."""
        if not self.any_version and version not in self.versions:
            raise VersionMismatch(version)
