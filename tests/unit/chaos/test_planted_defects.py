"""A planted defect replaces functions of the services by name: a function that was renamed must not be missed."""

from __future__ import annotations

import subprocess
import sys

import pytest

from backorder_verify.chaos.planted_defects import PLANTS


@pytest.mark.parametrize("plant", sorted(PLANTS))
def test_a_defect_can_be_planted_in_the_services_as_they_are(plant: str) -> None:
    program = f"from backorder_verify.chaos.planted_defects import PLANTS; PLANTS[{plant!r}]()"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
