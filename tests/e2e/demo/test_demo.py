"""`backorder demo --once`: from nothing to a checked system and back to nothing."""

from __future__ import annotations

import os
import re
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

DAY = r"\d{1,2} [A-Z][a-z]{2}"
STORY = (
    f"Northwind Pottery is to deliver 4 teapots on {DAY}, Southmill 1 kettle that day",
    rf"Ada pays \$88\.40 and is promised: teapot by {DAY}, kettle by {DAY}",
    rf"Ben pays \$49\.40 and is promised: teapot by {DAY}",
    rf"Cleo pays \$93\.90 and is promised: 2 teapots by {DAY}",
    r"Dan's café orders 3 teapots, to pay \$133\.50 when they ship",
    f"Northwind writes: not before {DAY}, 50 days late",
    f"only teapots move, to {DAY}; Ada's kettle stays at {DAY}",
    "Ada, Ben and Cleo each get a mail: “.* a delay, and your right to cancel”",
    "“If we do not hear from you by .*, these items are cancelled and your money is returned",
    rf"\(30 days after {DAY}, the day that was promised: 16 CFR 435\.2\)",
    "Ada opens the link in her mail and waits: her consent is recorded",
    rf"Ben cancels there: \$49\.40 go back to his card, shipping too \(the law gives until {DAY}\)",
    "Southmill delivers in time: Ada's kettle ships alone",
    rf"Cleo never answered, and her 30 days are over: cancelled, and \$93\.90 go back \(the law gives until {DAY}\)",
    "the 4 teapots arrive: 1 for Ada, and the 3 that Ben and Cleo gave up for Dan, who is next",
    r"Dan's bank declines to hold \$133\.50 \(insufficient funds\)",
    r"Dan gives another card: \$133\.50 are held, and his teapots may leave",
    r"Dan's 3 teapots ship, and \$133\.50 are taken",
)
"""What the story of a delay says, by regular expressions. It is said only once the system was found so."""


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


def test_demo_once_tells_of_a_delay_and_of_one_order_checks_everything_and_leaves_nothing_behind(
    workplace: Path,
) -> None:
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
    for sentence in STORY:
        assert re.search(sentence, output), (sentence, output)
    assert "none is on hand" in output
    assert "backordered, 3 wait, promised for" in output
    assert "the order is allocated: 3 can ship from LONDON" in output
    assert re.search("the customer gets a mail: “Your order demo.*-WEB: ", output)
    assert "units filled at once" in output
    assert "BROKEN" not in output
    assert f"all {len(INVARIANTS)} hold" in output
    assert not list(workplace.iterdir()), "the data of a --once run are removed"
    assert not processes_below(workplace)
