"""What a key that is bound to one customer may say about an order that it places."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from order_service.application.errors import OrderReferenceTaken
from order_service.entrypoints.http.order_schemas import NewOrder
from service_kit.http.api_keys import Principal
from service_kit.http.models import RequestModel
from service_kit.http.problems import FieldError, Problem, conflict

BOUND_FIELDS: frozenset[str] = frozenset(
    {
        "reference",
        "customer_id",
        "contact_id",
        "channel",
        "destination",
        "jurisdiction",
        "time_zone",
        "time_essential",
        "currency",
        "needed_by",
        "latest_acceptable_date",
        "ship_complete",
        "metadata",
        "lines",
    }
)
"""Fields that a bound key may set; customer and contact to its own customer only.

The others decide which place in the queue an order gets, where it is served from and when it is paid for: the shop
says that, not the customer. A field that is added to orders is refused until it is listed here.
"""

NOT_SET = "Leave it out: a key bound to a customer may not set it."
OWN_ONLY = "Leave it out, or give the customer that the key is bound to."

BOUND_LINE_FIELDS: frozenset[str] = frozenset({"sku", "quantity", "reference"})
"""The same for a line. Prices weigh in some policies, so a customer does not name them."""


def check_bound_order(principal: Principal, body: NewOrder) -> None:
    """Raise the problem 403 that lists every field that the caller's bound key may not set, or not to this value."""
    if principal.customer_id is None:
        return
    refused = [FieldError(f"/{name}", NOT_SET) for name in _set_beyond(body, BOUND_FIELDS)]
    for index, line in enumerate(body.lines):
        refused += [FieldError(f"/lines/{index}/{name}", NOT_SET) for name in _set_beyond(line, BOUND_LINE_FIELDS)]
    for name in ("customer_id", "contact_id"):
        if getattr(body, name) not in (None, principal.customer_id):
            refused.append(FieldError(f"/{name}", OWN_ONLY))
    refuse_bound_fields(refused)


def refuse_bound_fields(errors: list[FieldError]) -> None:
    """Raise the problem 403 that lists what a bound key may not set; nothing without any."""
    if errors:
        detail = "A key bound to a customer may not set these fields."
        raise Problem(403, "bound_key_field", "Forbidden", detail, errors=errors)


@contextmanager
def hide_other_order(principal: Principal) -> Iterator[None]:
    """A bound key is not told the id of the order that has its reference already: it may be another customer's."""
    try:
        yield
    except OrderReferenceTaken:
        if principal.customer_id is None:
            raise
        raise conflict("reference_taken", "Another order has this reference already.") from None


def _set_beyond(model: RequestModel, allowed: frozenset[str]) -> list[str]:
    """Fields that say something else than their default does, and are not ``allowed``."""
    fields = type(model).model_fields
    return [name for name in fields if name not in allowed and getattr(model, name) != fields[name].default]
