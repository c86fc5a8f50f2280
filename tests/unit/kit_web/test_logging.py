"""Logs: allowed fields only, errors without their messages, wherever the line comes from."""

import asyncio
import io
import json
import logging
import sys

import pytest
import structlog

from service_kit.persistence.database import Database
from service_kit.runtime.logging import configure_logging, described
from service_kit.runtime.settings import ServiceSettings

PERSONAL = "ada.lovelace@example.com"


class OrderSettings(ServiceSettings):
    service_name = "order"


@pytest.fixture(params=["json", "console"])
def lines(request, tmp_path, monkeypatch):
    """The log as it is written; everything about logging is put back after the test."""
    written = io.StringIO()
    monkeypatch.setattr(sys, "stderr", written)
    root = logging.getLogger()
    handlers, level, configured = list(root.handlers), root.level, structlog.get_config()
    configure_logging(
        OrderSettings(
            database_url="postgresql+asyncpg://x", kafka_bootstrap="x", keyring_path=tmp_path, log_format=request.param
        )
    )
    structlog.configure(cache_logger_on_first_use=False)
    yield written
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.configure(**configured)


def test_a_field_that_is_not_allowed_is_dropped_and_counted(lines):
    structlog.get_logger("x").info("order_placed", order_id="o-1", email=PERSONAL, body={"name": PERSONAL})
    assert "order_placed" in lines.getvalue()
    assert "o-1" in lines.getvalue()
    assert "dropped_fields" in lines.getvalue()
    assert PERSONAL not in lines.getvalue()


def test_an_error_is_logged_with_its_type_and_place_and_without_its_message(lines):
    try:
        try:
            raise KeyError(PERSONAL)
        except KeyError as error:
            raise ValueError(PERSONAL) from error
    except ValueError as error:
        structlog.get_logger("x").error("failed", exc_info=error)
        logging.getLogger("some.library").exception("it failed")
    text = lines.getvalue()
    assert text.count("builtins.ValueError") >= 2
    assert "builtins.KeyError" in text
    assert "test_logging.py" in text
    assert PERSONAL not in text


def test_a_librarys_message_is_logged_without_what_it_is_about(lines):
    library = logging.getLogger("some.library")
    library.warning("no answer from %s", PERSONAL)
    library.warning(f"no answer for {PERSONAL}")
    library.warning("no answer at all")
    loop = asyncio.new_event_loop()
    loop.call_exception_handler({"message": f"lost {PERSONAL}", "exception": ValueError(PERSONAL)})
    loop.close()
    text = lines.getvalue()
    assert PERSONAL not in text
    assert "no answer from %s" in text
    assert "no answer at all" in text
    assert text.count("message of a library") == 2
    assert text.count("test_logging:") == 3


async def test_an_error_of_the_api_reaches_the_log_without_what_the_caller_sent(lines, api):
    async with api.client("orders:write") as client:
        await client.post(f"/v1/orders/{PERSONAL}/fail", params={"message": PERSONAL})
        await client.post(
            "/v1/orders", json={"reference": PERSONAL, "lines": PERSONAL}, headers={"Idempotency-Key": "k"}
        )
        await client.get("/v1/orders", params={"cursor": PERSONAL})
    text = lines.getvalue()
    assert "request_failed" in text
    assert "/v1/orders/{order_id}/fail" in text
    assert PERSONAL not in text
    assert "bo_live_" not in text


def test_a_json_line_has_time_level_service_and_the_trace(lines):
    structlog.contextvars.bind_contextvars(trace_id="t-1")
    try:
        structlog.get_logger("x").warning("slow", seconds=3)
    finally:
        structlog.contextvars.clear_contextvars()
    text = lines.getvalue()
    if text.startswith("{"):
        line = json.loads(text)
        assert line.pop("timestamp")
        assert line == {
            "event": "slow", "level": "warning", "logger": "x", "seconds": 3, "service": "order", "trace_id": "t-1",
        }  # fmt: skip
    else:
        assert "trace_id=t-1" in text


def test_libraries_are_heard_from_warnings_on(lines):
    logging.getLogger("httpx").info("GET https://shop.example/?token=secret-token")
    logging.getLogger("httpx").warning("the pool is full")
    assert "the pool is full" in lines.getvalue()
    assert "secret-token" not in lines.getvalue()


def test_the_access_log_of_the_server_with_its_queries_is_off(lines):
    logging.getLogger("uvicorn.access").info("GET /v1/orders/1?token=%s", "secret-token")
    assert lines.getvalue() == ""


def test_a_database_error_is_described_by_its_state():
    class Driver(Exception):
        sqlstate = "23505"

    assert described(Driver(PERSONAL)) == [
        {"type": f"{__name__}.{Driver.__qualname__}", "sqlstate": "23505", "frames": []}
    ]


def test_secrets_are_not_in_the_text_of_settings(tmp_path):
    settings = OrderSettings(
        database_url="postgresql+asyncpg://u:pass-1@h/d",
        kafka_bootstrap="h:1",
        kafka_sasl_password="pass-2",
        tracking_secret="pass-3",
        keyring_path=tmp_path,
    )
    assert "pass-" not in repr(settings)
    assert "pass-" not in str(Database(settings.database_url).engine.url)
