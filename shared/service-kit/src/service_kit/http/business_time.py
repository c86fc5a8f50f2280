"""Only callers that import history may state when something happened."""

from __future__ import annotations

from datetime import datetime

from service_kit.http.api_keys import Principal
from service_kit.http.problems import Problem

IMPORT_SCOPE = "import"


def may_state_business_time(principal: Principal, value: datetime | None, field: str) -> None:
    """Refuse a business time (``placed_at``, ``received_at``, ...) that a caller without the scope ``import`` states.

    ``value`` is None if the caller left it to the service's clock. Raises Problem 403 ``import_scope_required``, which
    names the field.
    """
    if value is not None and not principal.may(IMPORT_SCOPE):
        raise Problem(
            403,
            "import_scope_required",
            "Forbidden",
            f"Only a key with the scope {IMPORT_SCOPE!r} may state {field!r}; leave it out.",
            extra={"missing_scope": IMPORT_SCOPE, "field": field},
        )
