"""Ids of the order service's paths."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path

from service_kit.http.fields import Name

OrderId = Annotated[Name, Path(description="The order's id")]
LineId = Annotated[Name, Path(description="The line's id")]
OfferId = Annotated[Name, Path(description="The offer's id")]
ShipmentId = Annotated[Name, Path(description="The shipment's id")]
