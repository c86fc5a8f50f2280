"""Health and metrics: what the port of the operators tells, and how little the public one does."""

import asyncio


async def test_alive_as_long_as_no_watched_part_is_silent(api):
    async with api.client() as client, api.ops_client() as ops:
        assert (await client.get("/livez")).json() == {"status": "pass", "serviceId": "order"}
        api.service.health.watch("consumer", 0.0)
        silent = await ops.get("/livez")
        assert (silent.status_code, silent.headers["Content-Type"]) == (503, "application/health+json")
        assert list(silent.json()["checks"]) == ["consumer"]
        public = await client.get("/livez")
        assert (public.status_code, public.json()) == (503, {"status": "fail", "serviceId": "order"})
        api.service.health.forget("consumer")
        assert (await client.get("/livez")).status_code == 200


async def test_not_ready_before_the_start_without_the_database_and_while_stopping(api):
    async with api.client() as client, api.ops_client() as ops:
        assert list((await ops.get("/readyz")).json()["checks"]) == ["startup"]
        assert (await client.get("/startupz")).status_code == 503
        api.service.health.started = True
        assert (await client.get("/startupz")).status_code == 200
        missing = await ops.get("/readyz")
        assert missing.status_code == 503
        assert set(missing.json()["checks"]) == {"database", "migrations"}
        assert "checks" not in (await client.get("/readyz")).json()
        api.service.health.stopping.set()
        assert list((await ops.get("/readyz")).json()["checks"]) == ["shutdown"]
        assert (await client.get("/readyz")).status_code == 503


async def test_readiness_is_checked_once_however_many_ask_on_the_public_port(api):
    checks = 0

    async def counted() -> None:
        nonlocal checks
        checks += 1
        await asyncio.sleep(0)

    api.service.health.checks.clear()
    api.service.health.checks["counted"] = counted
    api.service.health.started = True
    async with api.client() as client:
        answers = await asyncio.gather(*(client.get("/readyz") for _ in range(50)))
    assert {answer.status_code for answer in answers} == {200}
    assert checks == 1


async def test_metrics_count_requests_by_route_and_not_by_path(api):
    async with api.client("orders:read") as client, api.ops_client() as ops:
        await client.get("/v1/orders/very-special-order")
        metrics = (await ops.get("/metrics")).text
        assert (await client.get("/metrics")).status_code == 404
    assert 'http_requests_total{method="GET",route="/v1/orders/{order_id}",service="order",status="200"}' in metrics
    assert "very-special-order" not in metrics


async def test_a_worker_without_an_ops_port_serves_its_metrics_where_it_listens(make_api):
    async with make_api(role="worker").client() as client:
        assert (await client.get("/metrics")).status_code == 200
        assert "checks" in (await client.get("/readyz")).json()
    async with make_api(role="worker", ops_port=0).client() as client:
        assert (await client.get("/metrics")).status_code == 404
