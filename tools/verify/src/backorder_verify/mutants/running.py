"""Plants a mutant in a copy of the source and runs its tests against the copy.

The copy stands before the installed package on Python's path, so the working tree is never touched.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from backorder_verify.mutants.mutant import Mutant

_TESTS_FAILED = 1
"""pytest's exit code where tests ran and some of them failed. Others mean that no test spoke."""


class Outcome(StrEnum):
    """What the tests said of a mutant."""

    KILLED = "killed"
    SURVIVED = "survived"
    NOT_RUN = "not run"


class Verdict(NamedTuple):
    """The outcome of one mutant, and the end of what pytest printed."""

    mutant: Mutant
    outcome: Outcome
    output: str


def run_mutant(mutant: Mutant, repository: Path, *, within_seconds: float = 300) -> Verdict:
    """Run the tests of a mutant. Tests that hang for ``within_seconds`` have failed: the mutant is killed."""
    with tempfile.TemporaryDirectory(prefix="backorder-mutant-") as directory:
        copy = Path(directory) / "src"
        shutil.copytree(repository / mutant.source_root, copy, ignore=shutil.ignore_patterns("__pycache__"))
        mutant.plant(repository, copy)
        return _run_tests(mutant, repository, copy, within_seconds)


def run_without_defect(mutant: Mutant, repository: Path, *, within_seconds: float = 300) -> Verdict:
    """Run the tests of a mutant on the source as it is: they must pass, or a mutant that they fail on shows nothing."""
    return _run_tests(mutant, repository, repository / mutant.source_root, within_seconds)


def _run_tests(mutant: Mutant, repository: Path, source_root: Path, within_seconds: float) -> Verdict:
    command = [sys.executable, "-m", "pytest", *mutant.tests, "-x", "-q", "-p", "no:cacheprovider"]
    environment = {**os.environ, "PYTHONPATH": str(source_root), "PYTHONDONTWRITEBYTECODE": "1"}
    # A session of its own: servers that a hanging test started end with it.
    process = subprocess.Popen(
        command,
        cwd=repository,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        output, _ = process.communicate(timeout=within_seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, 9)
        process.communicate()
        return Verdict(mutant, Outcome.KILLED, f"the tests did not end within {within_seconds:.0f} s")
    outcome = Outcome.SURVIVED if process.returncode == 0 else Outcome.NOT_RUN
    if process.returncode == _TESTS_FAILED:
        outcome = Outcome.KILLED
    return Verdict(mutant, outcome, output[-2000:])
