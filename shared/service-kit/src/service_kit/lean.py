"""Imported first by a service's process: keeps out what libraries would load and a service never uses.

structlog takes rich, with pygments and attrs, for the tracebacks of its console renderer wherever it is installed:
4 MB of memory a process. The command line of the local system needs it; containers do not even have it.
"""

from __future__ import annotations

import sys

# What stands there as None cannot be imported: structlog then goes without, as where it is not installed.
sys.modules.setdefault("rich", None)  # type: ignore[arg-type]
