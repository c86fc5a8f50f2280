"""Named places where a process can be made to die as ``kill -9`` would, for crash tests.

``BACKORDER_FAILPOINT=name`` ends the process the first time it passes that place, ``name:3`` the
third time. Without the variable a failpoint is an empty function.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Literal, get_args

VARIABLE = "BACKORDER_FAILPOINT"
EXIT_CODE = 137

Name = Literal[
    "mid_handler",
    "before_db_commit",
    "after_db_commit",
    "before_offset_commit",
    "before_park_commit",
    "relay_mid_batch",
    "relay_after_ack",
    "payment_attempt_stored",
    "payment_provider_answered",
]


def _unarmed(name: Name) -> None:
    pass


def _armed(setting: str) -> Callable[[Name], None]:
    wanted, _, count = setting.partition(":")
    if wanted not in get_args(Name):
        raise ValueError(f"{VARIABLE}={setting}: known failpoints are {', '.join(get_args(Name))}")
    remaining = int(count or 1)

    def hit(name: Name) -> None:
        nonlocal remaining
        if name == wanted:
            remaining -= 1
            if remaining == 0:
                os._exit(EXIT_CODE)

    return hit


failpoint: Callable[[Name], None] = _armed(os.environ[VARIABLE]) if os.environ.get(VARIABLE) else _unarmed
"""Die here when armed; costs an empty call otherwise."""


def armed(name: Name) -> bool:
    """Whether this process is to die at ``name``; for places that must arrange something first."""
    return os.environ.get(VARIABLE, "").partition(":")[0] == name
