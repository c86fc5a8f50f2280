"""Who may say when something happened: only a caller that imports history."""

from __future__ import annotations

from datetime import datetime

from service_kit.http.api_keys import Principal
from service_kit.http.problems import Problem

IMPORT_SCOPE = "import"


def may_state_business_time(principal: Principal, value: datetime | None, field: str) -> None:
    """Refuse a stated business time (``placed_at``, ``received_at``, ...) of a caller without scope ``import``.

    ``value`` None means that the caller left it to the service's clock. Raises Problem 403
    ``import_scope_required`` which names the field.
    """
    if value is not None and not principal.may(IMPORT_SCOPE):
        raise Problem(
            403,
            "import_scope_required",
            "Forbidden",
            f"Only a key with the scope {IMPORT_SCOPE!r} may state {field!r}; leave it out.",
            extra={"missing_scope": IMPORT_SCOPE, "field": field},
        )
