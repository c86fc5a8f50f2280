"""A chaos run must fail where a rule of the protocol is broken: each planted defect is found, by name.

Takes some minutes; not part of `make test`. `.venv/bin/pytest tests/chaos`
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.timeout(600)

_FOUND_BY = {
    "delta": {"allocation: no idle stock"},
    "inbox": {"every record handled"},
    "offset": {"every record handled"},
    "supply": {"allocation: no idle stock"},
}


@pytest.mark.parametrize("plant", sorted(_FOUND_BY))
def test_a_planted_defect_makes_the_run_fail(plant: str, tmp_path: Path) -> None:
    figures = tmp_path / "chaos.json"
    done = subprocess.run(
        [
            sys.executable, "-m", "backorder_verify.chaos",
            "--kills", "14", "--burst", "7", "--freeze", "2", "--seed", "1", "--plant", plant, "--json", str(figures),
        ],
        capture_output=True,
        text=True,
        timeout=580,
        check=False,
    )  # fmt: skip
    assert done.returncode == 1, done.stdout + done.stderr
    outcome = json.loads(figures.read_text())
    broken = {one["name"] for one in outcome["check"]["invariants"] if not one["holds"]}
    assert broken >= _FOUND_BY[plant], outcome["check"]["summary"]
