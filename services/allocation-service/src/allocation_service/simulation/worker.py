"""A simulation in a process of its own: ``python -m allocation_service.simulation.worker``.

Reads one line of JSON (``request.document_of``) and writes lines of JSON: ``{"done", "worlds"}`` as it
goes on and ``{"rows"}`` at the end, or ``{"error"}``. It gives way to everything else on the machine,
and ends when its standard input does: whoever started it is gone then.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from typing import Any

from allocation_service.simulation.experiment import ExperimentPlan, simulate
from allocation_service.simulation.figures import as_json
from allocation_service.simulation.request import asked_from


def main() -> None:
    """Run the one simulation that is asked for."""
    os.nice(10)
    line = sys.stdin.readline()
    threading.Thread(target=_end_with_the_caller, daemon=True).start()
    asked = asked_from(json.loads(line))
    plan = ExperimentPlan(asked.policies, asked.chosen_scenarios(), asked.size, documents=asked.documents)
    try:
        result = simulate(plan, lambda done, total: _say({"done": done, "worlds": total}), workers=1)
    except Exception as error:
        _say({"error": f"{type(error).__name__}: {error}"})
        raise SystemExit(1) from None
    _say({"rows": as_json(result.rows)})


def _say(message: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def _end_with_the_caller() -> None:
    while sys.stdin.readline():
        pass
    os._exit(3)


if __name__ == "__main__":
    main()
