"""Which SKUs and categories inventory has announced."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol


class CatalogueLookup(Protocol):
    """Looks up names; names that are not known may be announced later, or be misspelt."""

    async def unknown_skus(self, skus: Collection[str]) -> list[str]:
        """Those of these SKUs that inventory has not told of (yet), in order."""
        ...

    async def is_category_known(self, category: str) -> bool:
        """Whether a SKU of this category has been told of."""
        ...
