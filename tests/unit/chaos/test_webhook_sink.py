"""The subscriber of a chaos run: it counts what it accepts, and refuses some, which must come again."""

import httpx

from backorder_verify.chaos.webhook_sink import WebhookSink


async def test_what_is_accepted_is_counted_by_event_and_what_is_refused_is_not() -> None:
    sink = WebhookSink(seed=1)
    url = await sink.start()
    try:
        async with httpx.AsyncClient(trust_env=False) as client:
            statuses = [
                (await client.post(url, json={"n": n}, headers={"webhook-id": f"event-{n % 20}"})).status_code
                for n in range(60)
            ]
    finally:
        await sink.stop()
    assert statuses.count(200) == sink.accepted.total()
    assert statuses.count(503) == sink.refused > 0
    assert set(sink.accepted) <= {f"event-{n}" for n in range(20)}
