"""`make mutants`: plant each defect of the list, and expect its tests to fail.

    python -m backorder_verify.mutants [--only NAME,NAME] [--list]

Exits with 0 if every mutant was killed, with 1 if one survived or could not be tried.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from backorder_verify.mutants.planted import MUTANTS
from backorder_verify.mutants.running import Outcome, Verdict, run_mutant, run_without_defect


def main() -> int:
    """Run the mutants that were asked for, one after the other, and print a line for each."""
    options = argparse.ArgumentParser(prog="backorder_verify.mutants", description=__doc__)
    options.add_argument("--only", help="names of mutants, separated by commas")
    options.add_argument("--list", action="store_true", help="print the rows of docs/testing.md, run nothing")
    chosen = options.parse_args()
    names = chosen.only.split(",") if chosen.only else list(MUTANTS)
    unknown = [name for name in names if name not in MUTANTS]
    if unknown:
        options.error(f"--only {','.join(unknown)}: no such mutant; --list names them")
    if chosen.list:
        for name in names:
            print(f"| `{name}` | {MUTANTS[name].what} |")
        return 0
    repository = Path.cwd()
    verdicts = [_try(name, repository) for name in names]
    killed = sum(verdict.outcome is Outcome.KILLED for verdict in verdicts)
    print(f"{killed} of {len(verdicts)} mutants killed")
    return 0 if killed == len(verdicts) else 1


def _try(name: str, repository: Path) -> Verdict:
    mutant = MUTANTS[name]
    verdict = run_mutant(mutant, repository)
    if verdict.outcome is Outcome.KILLED and run_without_defect(mutant, repository).outcome is not Outcome.SURVIVED:
        verdict = verdict._replace(outcome=Outcome.NOT_RUN, output="its tests fail without the defect, too")
    print(f"{name:34} {verdict.outcome}", flush=True)
    if verdict.outcome is not Outcome.KILLED:
        print(verdict.output, file=sys.stderr)
    return verdict


if __name__ == "__main__":
    sys.exit(main())
