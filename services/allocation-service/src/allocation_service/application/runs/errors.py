"""Why a run or a pin is refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class RunNotFound(Exception):
    """There is no such run."""


class RunNotPreviewed(Exception):
    """Only a run that has been previewed can be committed; ``status`` is what it is instead."""

    def __init__(self, status: str) -> None:
        super().__init__(status)
        self.status = status


class RunExpired(Exception):
    """The preview is too old to be committed."""


class RunBusy(Exception):
    """Orders of the run's SKUs are being decided by themselves; that passes within a moment."""


class RunInputsChanged(Exception):
    """What the preview was made from has changed; nothing was done. ``changes`` says what."""

    def __init__(self, changes: Mapping[str, Any]) -> None:
        super().__init__("the inputs have changed")
        self.changes = changes


class TooManyDemands(Exception):
    """A run's segments name neither SKUs nor orders, or too many of them."""


class LineNotFound(Exception):
    """There is no such order line."""


class PinNotFound(Exception):
    """The line is not pinned."""
