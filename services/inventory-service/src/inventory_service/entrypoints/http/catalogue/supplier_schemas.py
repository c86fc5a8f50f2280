"""The bodies and views of suppliers."""

from __future__ import annotations

from typing import Self

from pydantic import ConfigDict, Field

from inventory_service.domain.catalogue import Supplier
from service_kit.http.fields import Title
from service_kit.http.models import RequestModel, ResponseModel


class SupplierBody(RequestModel):
    """The complete new state of a supplier."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "Acme Trading"}]})

    name: Title


class SupplierView(ResponseModel):
    """A company that delivers what a purchase order asks for."""

    supplier_id: str
    name: str
    version: int = Field(description="Counts the changes; also the ETag")

    @classmethod
    def of(cls, supplier: Supplier, version: int) -> Self:
        """The view of a version of the supplier."""
        return cls(supplier_id=supplier.supplier_id, name=supplier.name, version=version)
