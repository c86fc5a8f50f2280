"""A whole small service, run as its own process: an endpoint that is slow, one that streams, one sweeper."""

import asyncio
import sys
from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic_settings import SettingsConfigDict

from service_kit.hosting.running import run
from service_kit.hosting.service import Service
from service_kit.http.api import Api
from service_kit.http.api_keys import Principal
from service_kit.http.authentication import require
from service_kit.http.streaming import event_stream
from service_kit.persistence.database import Database
from service_kit.runtime.settings import ServiceSettings


class SampleSettings(ServiceSettings):
    model_config = SettingsConfigDict(env_prefix="SAMPLE_", extra="ignore")

    service_name = "sample"


def say(word: str) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


async def sweeper(stopping: asyncio.Event) -> None:
    say("sweeper started")
    await stopping.wait()
    say("sweeper stopped")


def routes(settings: SampleSettings) -> APIRouter:
    router = APIRouter(prefix="/v1")

    @router.post("/slow")
    async def slow(principal: Annotated[Principal, require("ops")], seconds: float) -> dict[str, bool]:
        say("slow began")
        await asyncio.sleep(seconds)
        say("slow ended")
        return {"done": True}

    @router.post("/take")
    async def take(principal: Annotated[Principal, require("ops")], body: dict[str, int]) -> dict[str, int]:
        return body

    @router.post("/things")
    async def things(principal: Annotated[Principal, require("orders:write")], body: list[int]) -> list[int]:
        return body

    @router.get("/stream")
    async def stream(principal: Annotated[Principal, require("ops")], request: Request) -> Response:
        async def events():
            await asyncio.Event().wait()
            yield  # never

        return event_stream(request, events())

    return router


def build() -> Service:
    settings = SampleSettings()
    return Service(
        name="sample",
        settings=settings,
        database=Database(settings.database_url),
        api=Api([routes(settings)]),
        background=[sweeper],
        migrations="service_kit.testing.sample",
    )


if __name__ == "__main__":
    run(build)
