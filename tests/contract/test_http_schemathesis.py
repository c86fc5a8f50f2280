"""Whatever is sent to a service, it answers as its OpenAPI document says and never with a server error.

The services run for real, on the real database. ``BACKORDER_FUZZ_EXAMPLES`` raises the number of
requests tried for each operation.
"""

import asyncio
import os
import socket

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from service_kit.hosting.running import serve
from service_kit.testing.eventually import eventually

pytestmark = pytest.mark.postgres

EXAMPLES = int(os.environ.get("BACKORDER_FUZZ_EXAMPLES", "6"))
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


@pytest.fixture
async def address(build_service, service_name, service_database):
    """The service, answering on a port of its own, with an empty migrated database."""
    database = await service_database(f"{service_name}_service")
    port = free_port()
    service = build_service(
        service_name, database_url=database.engine.url.render_as_string(hide_password=False), role="api", port=port
    )
    stop = asyncio.Event()
    serving = asyncio.create_task(serve(service, stop=stop))
    await eventually(lambda: service.health.started)
    yield f"http://127.0.0.1:{port}"
    stop.set()
    assert await serving is False


def try_every_operation(address: str, key: str) -> list[str]:
    """Send good and bad requests to each operation; returns what was wrong with the answers."""
    schema = schemathesis.openapi.from_url(f"{address}/openapi.json")
    findings = []
    for outcome in schema.get_all_operations():
        operation = outcome.ok()  # type: ignore[union-attr]
        for mode in GenerationMode:

            @given(case=operation.as_strategy(generation_mode=mode))
            @settings(
                max_examples=EXAMPLES,
                deadline=None,
                derandomize=EXAMPLES <= 6,
                database=None,
                suppress_health_check=list(HealthCheck),
                phases=[Phase.explicit, Phase.generate],
            )
            def send(case):
                case.call_and_validate(headers={"Authorization": f"Bearer {key}"}, checks=CHECKS, timeout=20)

            try:
                send()
            except Unsatisfiable:
                # An operation that takes nothing cannot be sent anything wrong.
                continue
            except (Exception, BaseExceptionGroup) as failure:
                findings.append(f"{operation.label} ({mode.value}): {failure}")
    return findings


@pytest.mark.timeout(600)
async def test_no_request_brings_a_service_to_an_answer_that_it_does_not_document(address, full_key):
    findings = await asyncio.to_thread(try_every_operation, address, full_key)
    assert not findings, "\n\n".join(findings)
