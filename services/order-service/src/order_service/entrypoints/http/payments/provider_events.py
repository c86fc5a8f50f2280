"""Events of payment providers: signed by them, and believed for nothing but that something has changed."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from order_service.application.payments.handle_provider_events import record_provider_event
from order_service.entrypoints.http.dependencies import Application
from service_kit.commands.execute import execute
from service_kit.http.fields import Name

router = APIRouter(prefix="/v1/provider-events", tags=["payments"], include_in_schema=False)


@router.post("/{provider}", status_code=204)
async def post_provider_event(
    *, provider: Annotated[Name, Path(description="The provider's name")], application: Application, request: Request
) -> Response:
    """Take an event of a provider. Its signature is over the body as it was sent, so the body is not parsed before.

    204 also for an event that came before. 400 for a signature that is missing, another's, or older than five minutes;
    then nothing is stored.
    """
    body = await request.body()
    await execute(application.units, record_provider_event, application.providers, provider, request.headers, body)
    return Response(status_code=204)
