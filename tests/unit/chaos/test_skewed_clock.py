"""A service that is run with a skewed clock sees another time than the machine."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

PROGRAM = "from service_kit.runtime.clock import SystemClock\nprint(SystemClock().now().isoformat())\n"


def test_the_clock_of_the_process_is_ahead_and_the_machine_s_is_not(tmp_path: Path) -> None:
    (tmp_path / "asks_the_time.py").write_text(PROGRAM)
    before = datetime.now(UTC)
    asked = subprocess.run(
        [sys.executable, "-m", "backorder_verify.chaos.skewed_clock", "-7200", "asks_the_time"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    seen = datetime.fromisoformat(asked.stdout.strip()) + timedelta(hours=2)
    assert before <= seen <= datetime.now(UTC)
