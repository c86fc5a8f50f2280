"""``/v1/parked-keys``: what could not be handled, and what to do about it."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field

from service_kit.http.authentication import require
from service_kit.http.pagination import Page, PageParams, encode_cursor, link_header
from service_kit.http.problems import not_found, unavailable
from service_kit.messaging.parking import Drained, ParkingLot


class ParkedKeyView(BaseModel):
    """A parked key and the event that parked it."""

    topic: str
    key: str
    parked_at: datetime
    error: str = Field(description="What the handler said of the first event, when it was last tried")
    events: int = Field(description="Events that wait, the first one included")
    event_id: str | None = None
    event_name: str | None = None
    partition: int | None = None
    offset: int | None = None


class ReplayResult(BaseModel):
    """What a replay did."""

    replayed: int
    remaining: int = Field(description="0 where the key is free again")
    error: str | None = Field(default=None, description="Why the first remaining event failed")


class ReplayAllResult(BaseModel):
    """What a replay of many keys did."""

    replayed: int = Field(description="Events that were handled")
    freed: int = Field(description="Keys that are free again")
    still_parked: int = Field(description="Keys that were tried and whose next event still fails")
    next_cursor: str | None = Field(default=None, description="Where to go on; null once every key was tried")


class DiscardResult(BaseModel):
    """How many events were dropped; they count as handled."""

    discarded: int


Topic = Annotated[str | None, Query(max_length=249, description="Only this topic; all without it")]


def parked_keys_router(lot: ParkingLot) -> APIRouter:
    """The endpoints over one consumer's parking lot; scope ``ops``."""
    router = APIRouter(prefix="/v1/parked-keys", tags=["operations"], dependencies=[require("ops")])

    @router.get("", summary="Keys whose events wait for an operator")
    async def list_parked_keys(page: PageParams, request: Request, response: Response) -> Page[ParkedKeyView]:
        after = page.after(str, str) or ("", "")
        keys = await lot.list_keys(page.limit + 1, (after[0], after[1]))
        shown = keys[: page.limit]
        following = encode_cursor(shown[-1].topic, shown[-1].key) if len(keys) > page.limit else None
        link_header(response, request, following)
        return Page(data=[ParkedKeyView(**asdict(key)) for key in shown], next_cursor=following)

    @router.post("/replay", summary="Handle the parked events of many keys, as after an upgrade")
    async def replay_parked_keys(page: PageParams) -> ReplayAllResult:
        after = page.after(str, str) or ("", "")
        keys = await lot.list_keys(page.limit, (after[0], after[1]))
        done = [await _replayed(lot, one.topic, one.key) for one in keys]
        return ReplayAllResult(
            replayed=sum(one.replayed for one in done),
            freed=sum(one.remaining == 0 for one in done),
            still_parked=sum(one.remaining > 0 for one in done),
            next_cursor=encode_cursor(keys[-1].topic, keys[-1].key) if len(keys) == page.limit else None,
        )

    @router.post("/{key:path}/replay", summary="Handle a key's parked events in order")
    async def replay_parked_key(key: str, topic: Topic = None) -> ReplayResult:
        return _sum([await _replayed(lot, one, key) for one in await _topics(lot, key, topic)])

    @router.post("/{key:path}/discard", summary="Drop a key's parked events")
    async def discard_parked_key(
        key: str,
        topic: Topic = None,
        event_id: Annotated[str | None, Query(max_length=200, description="Only this event; all without it")] = None,
    ) -> DiscardResult:
        topics = await _topics(lot, key, topic)
        return DiscardResult(discarded=sum([await lot.discard(one, key, event_id) for one in topics]))

    return router


async def _replayed(lot: ParkingLot, topic: str, key: str) -> Drained:
    try:
        return await lot.replay(topic, key)
    except Exception as error:
        # Nothing of the step was done, and it is not the data's fault: it may be asked for again.
        raise unavailable() from error


async def _topics(lot: ParkingLot, key: str, topic: str | None) -> list[str]:
    topics = [] if "\x00" in key else [one for one in await lot.topics_of(key) if topic in (None, one)]
    if not topics:
        raise not_found("parked key")
    return topics


def _sum(done: list[Drained]) -> ReplayResult:
    return ReplayResult(
        replayed=sum(one.replayed for one in done),
        remaining=sum(one.remaining for one in done),
        error="; ".join(one.error for one in done if one.error) or None,
    )
