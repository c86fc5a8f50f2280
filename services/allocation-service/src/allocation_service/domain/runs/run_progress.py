"""How far the planning of a run is, or why it failed: a code with its parameters."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple


class ProgressCode(StrEnum):
    """What is being done. Stored with the run, so that none is ever renamed."""

    READING_DEMAND = "reading_demand"
    PLANNING_DEMANDS = "planning_demands"
    """``demands`` are being planned."""
    STORING_LINES = "storing_lines"
    """``lines`` are being stored."""
    DONE = "done"
    TOO_MANY_DEMANDS = "too_many_demands"
    """It failed: the segments are about more than ``limit`` demands."""
    CANNOT_BE_PLANNED = "cannot_be_planned"
    """It failed over something in its data that would fail again."""


class Progress(NamedTuple):
    """How far a run is; which parameters, all of them numbers, there are is said by the code."""

    code: ProgressCode
    parameters: Mapping[str, int] = {}
