"""Two kills of every kind, at random and under load, lose nothing and sell nothing twice."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from backorder_verify.chaos.faults import DECK

pytestmark = pytest.mark.timeout(900)

OPERATIONS = {
    "place", "amend", "cancel", "ship", "receive", "count", "adjust", "purchase", "slip", "deliver", "policy", "run",
    "look", "method", "give back", "reply",
}  # fmt: skip
"""Each must have been carried out at least once."""
_KILLS = 2 * len(DECK)
"""Longer runs have their own command, `make chaos`; docs/chaos.md has the figures of the longest."""


def test_two_kills_of_every_kind_under_load_keep_every_promise(tmp_path: Path) -> None:
    figures = tmp_path / "chaos.json"
    done = subprocess.run(
        [
            sys.executable, "-m", "backorder_verify.chaos",
            "--kills", str(_KILLS), "--freeze", "8", "--json", str(figures),
        ],
        env={**os.environ, "COLUMNS": "160"},
        capture_output=True,
        text=True,
        timeout=880,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    outcome = json.loads(figures.read_text())
    assert outcome["holds"]
    assert outcome["kills_total"] == _KILLS
    assert not any(outcome["counts"].values())
    assert outcome["check"]["at_rest"]
    # A run that did no work, or was not disturbed by the kills, would show nothing.
    assert outcome["orders"] > 100
    assert all(outcome["events"].values())
    assert set(outcome["operations"]) >= OPERATIONS
    assert all(outcome["money"].values())
    assert outcome["webhooks_accepted"] > 0
    assert outcome["recovery_seconds"]["measured"] >= _KILLS / 9
