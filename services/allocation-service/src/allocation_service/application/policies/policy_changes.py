"""What changed between two versions of a document."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple


class Change(NamedTuple):
    """A place of the document (a JSON pointer), what stood there and what does now; None for nothing."""

    pointer: str
    before: Any
    after: Any


def changes(before: Any, after: Any, pointer: str = "") -> Iterator[Change]:
    """The smallest places in which two JSON documents differ. Lists are compared place by place."""
    if isinstance(before, dict) and isinstance(after, dict):
        for name in dict.fromkeys([*before, *after]):
            at = f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}"
            yield from changes(before.get(name), after.get(name), at)
    elif isinstance(before, list) and isinstance(after, list):
        for number in range(max(len(before), len(after))):
            old = before[number] if number < len(before) else None
            new = after[number] if number < len(after) else None
            yield from changes(old, new, f"{pointer}/{number}")
    elif before != after or type(before) is not type(after):
        yield Change(pointer, before, after)
