"""Server-sent events: sent at once, kept alive, resumed, and ended with the process."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from fastapi import Request
from fastapi.sse import ServerSentEvent

from service_kit.http.problems import Problem
from service_kit.http.streaming import event_stream, last_event_id, wants_events


def request(api, **headers) -> Request:
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request(
        {"type": "http", "app": api.app, "headers": raw, "query_string": b"last_event_id=4" if not raw else b""}
    )


def opened(api, events, **options) -> AsyncIterator[Any]:
    response = event_stream(request(api, accept="text/event-stream"), events, **options)
    assert response.media_type == "text/event-stream"
    return aiter(response.body_iterator)


async def test_events_are_sent_with_their_sequence_and_then_the_stream_ends(api):
    closed = asyncio.Event()

    async def events():
        try:
            yield ServerSentEvent(id="7", event="OrderPlaced", data={"a": 1})
            yield ServerSentEvent(id="8", data=None)
        finally:
            closed.set()

    sent = [chunk async for chunk in opened(api, events())]
    assert sent == [b": ping\n\n", b'event: OrderPlaced\ndata: {"a":1}\nid: 7\n\n', b"id: 8\n\n"]
    assert closed.is_set()


async def test_an_idle_stream_is_kept_alive(api):
    go_on = asyncio.Event()

    async def events():
        await go_on.wait()
        yield ServerSentEvent(id="1")

    stream = opened(api, events(), ping=0.01)
    assert [await anext(stream) for _ in range(3)] == [b": ping\n\n"] * 3
    go_on.set()
    rest = [chunk async for chunk in stream]
    assert rest[-1] == b"id: 1\n\n"


async def test_a_stopping_process_ends_its_streams_and_their_generators(api):
    closed = asyncio.Event()

    async def events():
        try:
            await asyncio.Event().wait()
            yield ServerSentEvent()
        finally:
            closed.set()

    stream = opened(api, events())
    await anext(stream)
    following = asyncio.ensure_future(anext(stream, None))
    api.service.health.stopping.set()
    assert await asyncio.wait_for(following, 20) is None
    assert closed.is_set()


@pytest.mark.parametrize(("headers", "sequence"), [({"last_event_id": "7"}, 7), ({"accept": "x"}, 0), ({}, 4)])
def test_a_stream_resumes_after_the_last_event_seen(api, headers, sequence):
    assert last_event_id(request(api, **headers)) == sequence


@pytest.mark.parametrize("given", ["x", "-1", "9" * 30])
def test_a_last_event_id_that_is_no_sequence_is_400(api, given):
    with pytest.raises(Problem) as failure:
        last_event_id(request(api, last_event_id=given))
    assert failure.value.status == 400


def test_a_stream_is_sent_to_who_asks_for_one(api):
    assert wants_events(request(api, accept="text/event-stream"))
    assert not wants_events(request(api, accept="application/json"))
