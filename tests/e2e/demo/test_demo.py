"""`backorder demo --once`: from nothing to a checked system and back to nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from backorder_verify.check.all_invariants import INVARIANTS

pytestmark = pytest.mark.timeout(300)


def processes_below(directory: Path) -> list[psutil.Process]:
    """What runs with the directory in its command line."""
    running = psutil.process_iter(["cmdline"])
    return [one for one in running if any(str(directory) in argument for argument in one.info["cmdline"] or ())]


@pytest.fixture
def workplace() -> Iterator[Path]:
    """A directory that every account may pass: as root the database runs under another one."""
    directory = Path(tempfile.mkdtemp(prefix="backorder-e2e-"))
    directory.chmod(0o711)
    yield directory
    shutil.rmtree(directory, ignore_errors=True)


def test_demo_once_shows_the_life_of_an_order_checks_everything_and_leaves_nothing_behind(workplace: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "backorder_local.cli", "demo", "--once", "--orders", "60"],
        env={**os.environ, "TMPDIR": str(workplace), "COLUMNS": "160"},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    output = done.stdout
    assert "none is on hand" in output
    assert "backordered, 3 wait, promised for" in output
    assert "the order is allocated: 3 can ship from LONDON" in output
    assert "the customer gets a mail" in output
    assert "units filled at once" in output
    assert "BROKEN" not in output
    assert f"all {len(INVARIANTS)} hold" in output
    assert not list(workplace.iterdir()), "the data of a --once run are removed"
    assert not processes_below(workplace)
