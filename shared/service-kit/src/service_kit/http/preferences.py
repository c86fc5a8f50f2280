"""``Prefer: wait=n`` (RFC 7240): how long the caller is ready to wait for the outcome of an accepted request."""

from __future__ import annotations

import re

from fastapi import Request, Response

_WAIT = re.compile(r"(?:^|[,;])\s*wait\s*=\s*\"?(\d{1,4})\"?", re.IGNORECASE)


def preferred_wait(request: Request, response: Response | None = None, *, limit: float = 2.0) -> float:
    """Seconds that the caller is ready to wait, at most ``limit``; 0 without the preference.

    If ``response`` is given, its header ``Preference-Applied`` says how long the service waits.
    """
    found = _WAIT.search(",".join(request.headers.getlist("prefer")))
    if found is None:
        return 0.0
    granted = min(float(found.group(1)), limit)
    if response is not None:
        response.headers["Preference-Applied"] = f"wait={granted:g}"
    return granted
