"""What a key that is bound to one customer may not change of its customer's orders."""

from __future__ import annotations

from order_service.entrypoints.http.bound_orders import NOT_SET, OWN_ONLY, refuse_bound_fields
from order_service.entrypoints.http.order_change_schemas import LinePatch, LineToAdd, OrderPatch
from service_kit.http.api_keys import Principal
from service_kit.http.problems import FieldError


def check_bound_patch(principal: Principal, body: OrderPatch) -> None:
    """Raise the problem 403 that lists every field that the caller's bound key may not change, or not to this value.

    The tier is a rank among customers, which the shop gives; whose an order is and who is told of it stays within
    the customer.
    """
    if principal.customer_id is None:
        return
    given = body.model_fields_set
    refused = [FieldError("/tier", NOT_SET)] if "tier" in given else []
    if "customer_id" in given and body.customer_id != principal.customer_id:
        refused.append(FieldError("/customer_id", OWN_ONLY))
    if body.contact_id not in (None, principal.customer_id):
        refused.append(FieldError("/contact_id", OWN_ONLY))
    refuse_bound_fields(refused)


def check_bound_line(principal: Principal, body: LineToAdd) -> None:
    """Raise the problem 403 if a bound key names a price, which weighs in some allocation policies, or a quoted date,
    which binds the merchant.
    """
    if principal.customer_id is None:
        return
    named = [name for name in ("unit_price", "quoted_date") if getattr(body, name) is not None]
    refuse_bound_fields([FieldError(f"/{name}", NOT_SET) for name in named])


def check_bound_price(principal: Principal, body: LinePatch) -> None:
    """Raise the problem 403 if a bound key names a price: the shop says what something costs."""
    if principal.customer_id is not None and body.unit_price is not None:
        refuse_bound_fields([FieldError("/unit_price", NOT_SET)])
