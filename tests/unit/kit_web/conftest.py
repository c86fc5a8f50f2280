"""A service in memory: real application, real middleware, no server, no database."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any

import httpx
import pytest
import structlog
from fastapi import Request, Response
from pydantic import Field, ValidationInfo, field_validator

from service_kit.commands.expected_version import check_version
from service_kit.hosting.service import Service
from service_kit.http.api import Api
from service_kit.http.api_keys import Keyring, Principal
from service_kit.http.app import create_app, create_ops_app
from service_kit.http.authentication import Binding, authorized, require
from service_kit.http.business_time import business_time
from service_kit.http.conditional import (
    RequiredIfMatch,
    expected_version,
    not_modified,
    not_modified_response,
    set_etag,
)
from service_kit.http.fast_path import Call, HotRouter, json_body
from service_kit.http.idempotency import idempotency_key, required_key
from service_kit.http.models import Money, RequestModel, ResponseModel
from service_kit.http.pagination import Page, PageParams, encode_cursor, link_header
from service_kit.http.preferences import preferred_wait
from service_kit.http.problems import conflict
from service_kit.persistence.database import Database
from service_kit.runtime.settings import ServiceSettings

DATABASE_URL = "postgresql+asyncpg://nobody@127.0.0.1:1/nothing"


class Line(RequestModel):
    sku: str = Field(min_length=1, max_length=100)
    quantity: int = Field(ge=1, le=1000)
    unit_price: Money | None = None
    approved_by: str | None = Field(default=None, validate_default=True)

    @field_validator("approved_by")
    @classmethod
    def _of_many(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is None and info.data.get("quantity") == 1000:
            raise ValueError("so many need a name")
        return value


class PlaceOrder(RequestModel):
    reference: str
    lines: list[Line]
    metadata: dict[str, str] = Field(default_factory=dict)
    notes: dict[str, Annotated[str, Field(max_length=5)] | bool | int] = Field(default_factory=dict)


class Note(RequestModel):
    number: int
    more: Any = None


class OrderView(ResponseModel):
    order_id: str


@cache
def orders_router() -> HotRouter:
    """The routes of the sample, made once: analysing them takes longer than most tests; no application changes them."""
    router = HotRouter(prefix="/v1/orders", tags=["orders"])

    @router.post("", status_code=201)
    async def place_order(
        principal: Annotated[Principal, require("orders:write")],
        key: Annotated[str, idempotency_key()],
        body: PlaceOrder,
        request: Request,
        response: Response,
    ) -> OrderView:
        response.headers["X-Waits"] = str(preferred_wait(request, response))
        return OrderView(order_id=f"{body.reference}-{key}")

    @router.fast_path("POST", "", status=201)
    async def read_order(request: Request) -> Call:
        principal = authorized(request.scope, "orders:write")
        key = required_key(request.headers.get("idempotency-key"))
        body = await json_body(request, PlaceOrder)
        return lambda response: place_order(principal, key, body, request, response)

    @router.get("")
    async def list_orders(
        principal: Annotated[Principal, require("orders:read")], page: PageParams, request: Request, response: Response
    ) -> Page[OrderView]:
        start = (page.after(int) or (0,))[0]
        rows = [OrderView(order_id=str(i)) for i in range(start, min(start + page.limit, 5))]
        following = encode_cursor(start + page.limit) if start + page.limit < 5 else None
        link_header(response, request, following)
        return Page(data=rows, next_cursor=following)

    @router.get("/{order_id}")
    async def get_order(
        principal: Annotated[Principal, require("orders:read", bound=tuple(Binding))],
        order_id: str,
        request: Request,
        response: Response,
    ) -> OrderView:
        if not_modified(request, 7):
            return not_modified_response(7)  # type: ignore[return-value]
        set_etag(response, 7)
        return OrderView(order_id=f"{order_id} for {principal.customer_id or principal.order_id or 'all'}")

    @router.patch("/{order_id}")
    async def amend_order(
        principal: Annotated[Principal, require("orders:write")], order_id: str, if_match: RequiredIfMatch = None
    ) -> OrderView:
        check_version(expected_version(if_match, required=True), 7)
        return OrderView(order_id=order_id)

    @router.post("/{order_id}/cancel")
    async def cancel_order(principal: Annotated[Principal, require("orders:write")], order_id: str) -> OrderView:
        raise conflict("already_shipped", "The order has been shipped.", state="shipped")

    @router.post("/{order_id}/fail")
    async def fail(principal: Annotated[Principal, require()], order_id: str, message: str) -> OrderView:
        raise ValueError(message)

    @router.post("/{order_id}/receive")
    async def receive(principal: Annotated[Principal, require("orders:write")], order_id: str) -> OrderView:
        from datetime import UTC, datetime  # noqa: PLC0415

        business_time(principal, datetime(2010, 12, 1, tzinfo=UTC), "received_at", datetime(2026, 1, 5, tzinfo=UTC))
        return OrderView(order_id=order_id)

    @router.post("/note")
    async def note(principal: Annotated[Principal, require("orders:write")], body: Note) -> Note:
        return body

    @router.fast_path("POST", "/note")
    async def read_note(request: Request) -> Call:
        principal = authorized(request.scope, "orders:write")
        body = await json_body(request, Note)
        return lambda response: note(principal, body)

    @router.post("/settle")
    async def settle(principal: Annotated[Principal, require("orders:write")], body: Note, response: Response) -> Note:
        if body.number == 303:
            return Response(status_code=303, headers={"Location": "/v1/orders/o"})  # type: ignore[return-value]
        if body.number == 409:
            raise conflict("already_settled", "The order has been settled.", state="settled")
        if body.number == 500:
            raise ValueError("secret")
        response.status_code = body.number
        response.headers.append("X-Settled", "1")
        response.headers.append("X-Settled", "2")
        return body

    @router.fast_path("POST", "/settle")
    async def read_settlement(request: Request) -> Call:
        principal = authorized(request.scope, "orders:write")
        body = await json_body(request, Note)
        return lambda response: settle(principal, body, response)

    return router


@pytest.fixture(scope="session", autouse=True)
def _plain_logs() -> None:
    """Pretty tracebacks take seconds."""
    plain = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[structlog.contextvars.merge_contextvars, plain])


@dataclass
class SampleApi:
    """An application and the keys to it."""

    service: Service
    keyring: Keyring
    app: Callable[..., object]

    def client(self, *scopes: str, token: str | None = None) -> httpx.AsyncClient:
        """A client with a new key of these scopes, with ``token``, or with nothing at all."""
        if scopes:
            token, _ = self.keyring.create_key("test", scopes)
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        transport = httpx.ASGITransport(self.app)  # type: ignore[arg-type]
        return httpx.AsyncClient(transport=transport, base_url="http://sample", headers=headers)

    def ops_client(self) -> httpx.AsyncClient:
        """A client of the ops port."""
        transport = httpx.ASGITransport(create_ops_app(self.service))
        return httpx.AsyncClient(transport=transport, base_url="http://ops")


@pytest.fixture
def make_api(tmp_path) -> Callable[..., SampleApi]:
    def make(verify_token=None, large_body_paths=frozenset(), router=None, **settings) -> SampleApi:
        given = ServiceSettings(
            database_url=DATABASE_URL,
            kafka_bootstrap="unused:9092",
            keyring_path=tmp_path / "keyring.json",
            **settings,
        )
        service = Service(
            name="order",
            settings=given,
            database=Database(DATABASE_URL),
            api=Api([router or orders_router()], verify_token=verify_token, large_body_paths=large_body_paths),
        )
        return SampleApi(service, Keyring(given.keyring_path), create_app(service))

    return make


@pytest.fixture
def api(make_api) -> SampleApi:
    return make_api()
