"""What endpoints are given: the wired application, the business time, and who calls."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import Depends, Request

from allocation_service.application.unit_of_work import Units
from allocation_service.bootstrap import AllocationApplication
from service_kit.http.api_keys import Principal
from service_kit.http.authentication import require


async def application_of(request: Request) -> AllocationApplication:
    """The application that the request's service runs on."""
    application: AllocationApplication = request.app.state.application
    return application


Application = Annotated[AllocationApplication, Depends(application_of)]
"""The wired application."""


async def _units(application: Application) -> Units:
    return application.units


UnitsOfWork = Annotated[Units, Depends(_units)]
"""Opens units of work."""


async def _business_time(application: Application) -> datetime:
    return await application.now()


BusinessNow = Annotated[datetime, Depends(_business_time)]
"""The moment that dates are judged by."""

PolicyWriter = Annotated[Principal, require("policies:write")]
"""May read and change policies."""

RunWriter = Annotated[Principal, require("runs:write")]
"""May preview and commit runs, and pin lines."""

RunReader = Annotated[Principal, require("runs:read")]
"""May read runs and pins."""

SimulationRunner = Annotated[Principal, require("simulations:run")]
"""May run simulations and read them."""

DecisionReader = Annotated[Principal, require("decisions:read")]
"""May read decisions and loans."""
