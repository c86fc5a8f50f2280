"""``/v1/parked-work``: what background tasks have set aside, and when it is tried again."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field

from service_kit.http.authentication import require
from service_kit.http.pagination import Page, PageParams, encode_cursor, link_header
from service_kit.http.problems import not_found
from service_kit.persistence.parked_work import ParkedWork


class ParkedItemView(BaseModel):
    """An order or a SKU that a background task cannot work on."""

    task: str = Field(description="The background task, such as deferred_orders")
    item: str = Field(description="The order or SKU that it has set aside")
    parked_at: datetime
    attempts: int = Field(description="How often it was set aside since it was last worked on")
    next_attempt_at: datetime = Field(description="When it is tried again without anybody asking for it")
    error: str = Field(description="Why it could not be worked on")


class RetryResult(BaseModel):
    """How many items are tried again in the next round of their tasks."""

    due: int


Task = Annotated[str | None, Query(max_length=100, description="Only this task; all without it")]
Item = Annotated[str | None, Query(max_length=200, description="Only this item; all of the task without it")]


def parked_work_router(parked: ParkedWork) -> APIRouter:
    """The endpoints over a service's parked work; scope ``ops``."""
    router = APIRouter(prefix="/v1/parked-work", tags=["operations"], dependencies=[require("ops")])

    @router.get("", summary="Orders and SKUs that background tasks have set aside")
    async def list_parked_work(page: PageParams, request: Request, response: Response) -> Page[ParkedItemView]:
        after = page.after(str, str) or ("", "")
        items = await parked.list_items(page.limit + 1, (after[0], after[1]))
        shown = items[: page.limit]
        following = encode_cursor(shown[-1].task, shown[-1].item) if len(items) > page.limit else None
        link_header(response, request, following)
        return Page(data=[ParkedItemView(**asdict(item)) for item in shown], next_cursor=following)

    @router.post("/retry", summary="Try set-aside work again now")
    async def retry_parked_work(task: Task = None, item: Item = None) -> RetryResult:
        due = 0 if "\x00" in f"{task}{item}" else await parked.retry(task, item)
        if due == 0 and (task is not None or item is not None):
            raise not_found("parked work")
        return RetryResult(due=due)

    return router
