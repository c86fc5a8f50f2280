"""Imported first by a service's process: keeps out what libraries would load and a service never uses.

What stands as None in ``sys.modules`` cannot be imported, and both libraries go without where they cannot.
"""

from __future__ import annotations

import sys

_UNUSED = (
    # structlog takes it, with pygments and attrs, for tracebacks of its console renderer wherever it is installed: 4 MB
    # of memory a process. The command line of the local system needs it; containers do not even have it.
    "rich",
    # FastAPI asks of every annotation whether it is an old model, which loads all of them: 2 MB.
    "pydantic.v1",
)

for _name in _UNUSED:
    sys.modules.setdefault(_name, None)  # type: ignore[arg-type]
