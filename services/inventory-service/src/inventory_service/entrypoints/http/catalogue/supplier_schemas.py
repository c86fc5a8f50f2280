"""The bodies and views of suppliers."""

from __future__ import annotations

from typing import Self

from pydantic import ConfigDict, Field

from inventory_service.domain.catalogue import Supplier
from service_kit.http.fields import Title
from service_kit.http.models import RequestModel, ResponseModel


class SupplierBody(RequestModel):
    """A supplier as it shall be."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "Acme Trading"}]})

    name: Title


class SupplierView(ResponseModel):
    """Someone who delivers."""

    supplier_id: str
    name: str
    version: int = Field(description="Counts the changes; also the ETag")

    @classmethod
    def of(cls, supplier: Supplier, version: int) -> Self:
        """The view of a version of the supplier."""
        return cls(supplier_id=supplier.supplier_id, name=supplier.name, version=version)
