"""Business times that callers state: who may state them, and which are believed."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, time

from service_kit.http.api_keys import Principal
from service_kit.http.problems import FieldError, Problem, unprocessable
from service_kit.runtime.believed_time import find_fault, find_plan_fault

IMPORT_SCOPE = "import"


def business_time(principal: Principal, stated: datetime | None, field: str, now: datetime) -> datetime | None:
    """The business time (``placed_at``, ``received_at``, ...) that a caller states; None if it left it to the clock.

    A time that is ahead of ``now`` by no more than clocks differ is taken as ``now``: nothing is stored that has not
    happened yet. Raises Problem 403 ``import_scope_required`` for a caller without the scope ``import``, and 422 for a
    time that is not believed (``service_kit.runtime.believed_time``); both name the field.
    """
    if stated is None:
        return None
    if not principal.may(IMPORT_SCOPE):
        raise Problem(
            403,
            "import_scope_required",
            "Forbidden",
            f"Only a key with the scope {IMPORT_SCOPE!r} may state {field!r}; leave it out.",
            extra={"missing_scope": IMPORT_SCOPE, "field": field},
        )
    fault = find_fault(stated, now)
    if fault is not None:
        raise unprocessable([FieldError(f"/{field}", fault)])
    return min(stated, now)


def check_plans(plans: Iterable[tuple[datetime | date | None, str]], now: datetime) -> None:
    """Raise Problem 422 for planned times, such as an ``eta``, whose year means nothing; each has its JSON Pointer."""
    errors = []
    for planned, pointer in plans:
        if planned is None:
            continue
        moment = planned if isinstance(planned, datetime) else datetime.combine(planned, time(), UTC)
        fault = find_plan_fault(moment, now)
        if fault is not None:
            errors.append(FieldError(pointer, fault))
    if errors:
        raise unprocessable(errors)
