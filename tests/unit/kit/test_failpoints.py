"""Failpoints: nothing without the variable, the end of the process with it."""

import os
import subprocess
import sys

import pytest

from service_kit.runtime.failpoints import EXIT_CODE, VARIABLE

PROGRAM = """
from service_kit.runtime.failpoints import failpoint
for number in range(5):
    print(number, flush=True)
    failpoint("relay_after_ack")
    failpoint("mid_handler")
"""


def run(setting: str | None) -> tuple[int, int]:
    environment = {name: value for name, value in os.environ.items() if name != VARIABLE}
    if setting is not None:
        environment[VARIABLE] = setting
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=False)
    return done.returncode, len(done.stdout.split())


@pytest.mark.parametrize(
    ("setting", "status", "rounds"),
    [(None, 0, 5), ("", 0, 5), ("mid_handler", EXIT_CODE, 1), ("relay_after_ack:3", EXIT_CODE, 3)],
)
def test_a_process_dies_at_the_named_pass_of_the_named_point(setting: str | None, status: int, rounds: int) -> None:
    assert run(setting) == (status, rounds)


def test_a_misspelt_failpoint_is_refused() -> None:
    assert run("mid_handlr")[0] == 1
