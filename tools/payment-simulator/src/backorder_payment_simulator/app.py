"""The simulator's HTTP server: Stripe's calls, and below ``/_simulator`` what makes things happen."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from backorder_payment_simulator import control, intents, listing, methods, refunds
from backorder_payment_simulator.access import Keys, require_browser, require_secret_key
from backorder_payment_simulator.bank import Bank
from backorder_payment_simulator.faults import Fault, Faults, Lost, before
from backorder_payment_simulator.idempotency import fingerprint, first_response, keep
from backorder_payment_simulator.passing_time import catch_up
from backorder_payment_simulator.wire import API_VERSION, ApiError, Form, WireObject, invalid, new_id, public

_log = logging.getLogger(__name__)

_TICK = 0.2
"""Seconds between two looks at what is due."""

_EXPANDABLE = {"latest_charge": "charge", "payment_method": "payment_method"}
"""Fields that name an object, and which kind of object."""

Call = Callable[[Bank, Form, str], WireObject]
"""What a call does: with its parameters, and the id in its path if there is one."""


@dataclass(frozen=True, slots=True)
class Simulator:
    """Everything that the server works on."""

    bank: Bank
    keys: Keys = field(default_factory=Keys)
    faults: Faults = field(default_factory=Faults)


@dataclass(frozen=True, slots=True)
class Operation:
    """A call of the API. A browser may make it if ``browser`` names the kind of object that it is about."""

    method: str
    path: str
    call: Call
    browser: str | None = None


def _shown(kind: str) -> Call:
    return lambda bank, _form, identifier: bank.store.get(kind, identifier)


def _listed(kind: str, path: str, *filters: str) -> Call:
    return lambda bank, form, _: listing.list_objects(bank, kind, path, filters, form)


_OPERATIONS = (
    Operation("POST", "/v1/customers", lambda bank, form, _: methods.create_customer(bank, form)),
    Operation("GET", "/v1/customers/{id}", _shown("customer")),
    Operation("GET", "/v1/payment_methods/{id}", lambda bank, _, name: methods.find_method(bank, name)),
    Operation("POST", "/v1/setup_intents", lambda bank, form, _: methods.create_setup(bank, form)),
    Operation("GET", "/v1/setup_intents/{id}", _shown("setup_intent"), browser="setup_intent"),
    Operation(
        "POST",
        "/v1/setup_intents/{id}/confirm",
        lambda bank, form, name: methods.confirm_setup(bank, bank.store.get("setup_intent", name), form),
        browser="setup_intent",
    ),
    Operation("POST", "/v1/payment_intents", lambda bank, form, _: intents.create_intent(bank, form)),
    Operation("GET", "/v1/payment_intents", _listed("payment_intent", "/v1/payment_intents", "customer")),
    Operation(
        "GET",
        "/v1/payment_intents/search",
        lambda bank, form, _: listing.search_objects(bank, "payment_intent", "/v1/payment_intents/search", form),
    ),
    Operation("GET", "/v1/payment_intents/{id}", _shown("payment_intent"), browser="payment_intent"),
    Operation(
        "POST",
        "/v1/payment_intents/{id}/confirm",
        lambda bank, form, name: intents.confirm_intent(bank, name, form),
        browser="payment_intent",
    ),
    Operation(
        "POST", "/v1/payment_intents/{id}/capture", lambda bank, form, name: intents.capture_intent(bank, name, form)
    ),
    Operation(
        "POST", "/v1/payment_intents/{id}/cancel", lambda bank, form, name: intents.cancel_intent(bank, name, form)
    ),
    Operation("POST", "/v1/refunds", lambda bank, form, _: refunds.create_refund(bank, form)),
    Operation("GET", "/v1/refunds", _listed("refund", "/v1/refunds", "payment_intent", "charge")),
    Operation("GET", "/v1/refunds/{id}", _shown("refund")),
    Operation("GET", "/v1/charges/{id}", _shown("charge")),
    Operation("GET", "/v1/disputes/{id}", _shown("dispute")),
    Operation("GET", "/v1/events", _listed("event", "/v1/events", "type")),
    Operation("GET", "/v1/events/{id}", _shown("event")),
)


def create_app(simulator: Simulator, *, client: httpx.AsyncClient | None = None) -> Starlette:
    """The application. ``client`` delivers webhooks, one that waits at most ten seconds if none is passed."""
    routes = [
        Route(one.path, partial(_respond, simulator, one), methods=[one.method], name=f"{one.method} {one.path}")
        for one in _OPERATIONS
    ]
    acts = [
        Route(path, partial(_act, simulator, act), methods=["POST"], name=path) for path, act in control.ACTS.items()
    ]
    page = "/_simulator/authenticate/{id}"
    pages = [
        Route(page, partial(_page, simulator, control.show_authentication), methods=["GET"], name="show"),
        Route(page, partial(_page, simulator, control.finish_authentication), methods=["POST"], name="finish"),
    ]

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with client or httpx.AsyncClient(timeout=10, trust_env=False) as sender:
            task = asyncio.create_task(_go_on(simulator.bank, sender))
            try:
                yield
            finally:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
                simulator.bank.store.close()

    ready = Route("/readyz", _ready, methods=["GET"])
    return Starlette(routes=[ready, *routes, *acts, *pages], lifespan=lifespan)


async def _ready(_: Request) -> Response:
    return JSONResponse({"status": "pass"})


async def _go_on(bank: Bank, client: httpx.AsyncClient) -> None:
    """Let time pass, and deliver events."""
    while True:
        try:
            catch_up(bank)
            bank.store.commit()
            await bank.events.deliver_due(client)
        except Exception:
            bank.store.rollback()
            _log.exception("what is due could not be done; it is tried again")
        await asyncio.sleep(_TICK)


async def _respond(simulator: Simulator, operation: Operation, request: Request) -> Response:
    bank = simulator.bank
    body = await request.body()
    identifier = str(request.path_params.get("id", ""))
    catch_up(bank)
    bank.store.commit()
    fault = Fault.NONE
    try:
        form = Form(body if request.method == "POST" else request.url.query.encode())
        _let_in(simulator, operation, request.headers, form, identifier)
        fault = simulator.faults.take() if request.method == "POST" else Fault.NONE
        before(fault)
        status, item, replayed = _carry_out(bank, operation, request, form, identifier)
    except Lost:
        return _broken()
    except ApiError as refused:
        bank.store.rollback()
        status, item, replayed = refused.status, refused.body, False
    except BaseException:
        bank.store.rollback()
        raise
    bank.store.commit()
    if fault is Fault.LOST_RESPONSE:
        return _broken()
    headers = {"Request-Id": new_id("req"), "Stripe-Version": API_VERSION}
    if replayed:
        headers["Idempotent-Replayed"] = "true"
    return JSONResponse(item, status, headers)


def _broken() -> Response:
    """What a gateway says when the connection behind it breaks; it is not Stripe that says it."""
    return Response("upstream connect error", 504, media_type="text/plain")


def _let_in(
    simulator: Simulator, operation: Operation, headers: Mapping[str, str], form: Form, identifier: str
) -> None:
    if operation.browser is None:
        require_secret_key(simulator.keys, headers)
    else:
        require_browser(simulator.keys, headers, form, simulator.bank.store.get(operation.browser, identifier))
        form.fields.pop("client_secret", None)


def _carry_out(
    bank: Bank, operation: Operation, request: Request, form: Form, identifier: str
) -> tuple[int, WireObject, bool]:
    key = request.headers.get("idempotency-key") if request.method == "POST" else None
    print_ = fingerprint(request.url.path, form)
    if key is not None and (known := first_response(bank, key, print_)) is not None:
        return known.status, known.body, True
    try:
        status, item = 200, _expanded(bank, operation.call(bank, form, identifier), form)
    except ApiError as refused:
        if not refused.stored:
            raise
        status, item = refused.status, refused.body
    if key is not None:
        keep(bank, key, print_, status, item)
    return status, item, False


def _expanded(bank: Bank, item: WireObject, form: Form) -> WireObject:
    """The object as it is shown, with the objects in it that were asked for."""
    shown = public(item)
    for name in form.expand:
        if name not in _EXPANDABLE or name not in shown:
            raise invalid(f"This property cannot be expanded ({name}).", param="expand")
        if shown[name] is not None:
            shown[name] = public(bank.store.get(_EXPANDABLE[name], shown[name]))
    return shown


async def _act(simulator: Simulator, act: control.Act, request: Request) -> Response:
    body = await request.body()
    bank = simulator.bank
    try:
        wanted = control.wanted_of(body)
        item = act(bank, simulator.faults, wanted, str(request.path_params.get("id", "")))
        catch_up(bank)
    except ApiError as refused:
        bank.store.rollback()
        return JSONResponse(refused.body, refused.status)
    bank.store.commit()
    return JSONResponse(public(item))


async def _page(
    simulator: Simulator, page: Callable[[Bank, Request], Awaitable[Response]], request: Request
) -> Response:
    try:
        response = await page(simulator.bank, request)
    except ApiError as refused:
        simulator.bank.store.rollback()
        return JSONResponse(refused.body, refused.status)
    simulator.bank.store.commit()
    return response
