"""SKUs: one, many at once, and the list."""

from __future__ import annotations

from collections import Counter
from datetime import date
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import (
    ConfigDict,
    Field,
    JsonValue,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    field_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from inventory_service.adapters.catalogue_reads import list_skus, sku_named
from inventory_service.adapters.use_cases import UseCases
from inventory_service.application.keep_catalogue import put_sku, put_skus
from inventory_service.application.ports import StoredVersion
from inventory_service.domain.catalogue import Mode, SellingPolicy, Sku
from inventory_service.entrypoints.http.fields import SkuPath
from inventory_service.entrypoints.http.pages import page_of
from service_kit.http.api_keys import Principal
from service_kit.http.authentication import require
from service_kit.http.business_time import may_state_business_time
from service_kit.http.conditional import IfMatch, matches_version, not_modified, not_modified_response, set_etag
from service_kit.http.fields import WHOLE_NUMBER, Day, Instant, Name, Title
from service_kit.http.models import RequestModel, ResponseModel
from service_kit.http.pagination import Page, PageParams, encode_cursor
from service_kit.http.problems import not_found

_EXAMPLE: dict[str, JsonValue] = {
    "name": "White hanging heart T-light holder",
    "category": "lights",
    "lead_time_days": 14,
    "selling_policy": {"mode": "backorder", "backorder_cap": 500},
}


class SellingPolicyBody(RequestModel):
    """How the SKU may be sold when nothing is on hand."""

    mode: Mode = Mode.STOCK_ONLY
    backorder_cap: Annotated[int, Field(ge=0, le=1_000_000_000), WHOLE_NUMBER] | None = Field(
        default=None, description="Most units that may wait at once; null: no cap. Used by backorder and preorder"
    )
    release_date: Day | None = Field(
        default=None, validate_default=True, description="Preorders ship from this day (UTC) on; required for preorder"
    )

    @field_validator("release_date")
    @classmethod
    def _released(cls, value: date | None, info: ValidationInfo) -> date | None:
        if value is None and info.data.get("mode") is Mode.PREORDER:
            raise PydanticCustomError("release_date_required", "A preorder needs a release date")
        return value


class SkuBody(RequestModel):
    """A SKU as it shall be: fields left out take their default, whatever stood before."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    name: Title | None = None
    category: Name | None = None
    selling_policy: SellingPolicyBody = Field(default_factory=SellingPolicyBody)
    lead_time_days: Annotated[int, Field(ge=0, le=3650), WHOLE_NUMBER] | None = Field(
        default=None, validate_default=True, description="Days to get more; required for backorder and preorder"
    )

    @field_validator("lead_time_days")
    @classmethod
    def _dated(cls, value: int | None, info: ValidationInfo) -> int | None:
        policy = info.data.get("selling_policy")
        if value is None and policy is not None and policy.mode.promises_a_date:
            raise PydanticCustomError("lead_time_required", "Selling before stock is there needs a lead time")
        return value

    def as_sku(self, sku: str) -> Sku:
        """The SKU that the body describes."""
        policy = self.selling_policy
        return Sku(
            sku,
            self.name,
            self.category,
            self.lead_time_days,
            SellingPolicy(policy.mode, policy.backorder_cap, policy.release_date),
        )


class OneSkuBody(SkuBody):
    """A SKU named by its path."""

    changed_at: Instant | None = Field(default=None, description="Business time of the change; scope `import` only")


class NamedSkuBody(SkuBody):
    """A SKU of a bulk."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"sku": "85123A", **_EXAMPLE}]})

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "sku": "85123A",
                    "name": "White hanging heart T-light holder",
                    "lead_time_days": 14,
                    "selling_policy": {"mode": "backorder", "backorder_cap": 500},
                }
            ]
        }
    )

    sku: Name


def _each_named_once(value: Any, validate: ValidatorFunctionWrapHandler) -> Any:
    """Report SKUs named twice together with everything else that is wrong, so that one answer lists it all."""
    errors: list[InitErrorDetails] = []
    valid = None
    try:
        valid = validate(value)
    except ValidationError as error:
        errors = [
            InitErrorDetails(
                type=PydanticCustomError(found["type"], "{rule}", {**found.get("ctx", {}), "rule": found["msg"]}),
                loc=found["loc"],
                input=None,
            )
            for found in error.errors(include_url=False, include_input=False)
        ]
    seen: Counter[str] = Counter()
    for number, item in enumerate(value if isinstance(value, list) else ()):
        name = item.get("sku") if isinstance(item, dict) else None
        if isinstance(name, str):
            seen[name] += 1
            if seen[name] > 1:
                twice = PydanticCustomError("sku_twice", "The SKU stands in this list already")
                errors.append(InitErrorDetails(type=twice, loc=(number, "sku"), input=None))
    if errors:
        raise ValidationError.from_exception_data("skus", errors)
    return valid


class BulkBody(RequestModel):
    """Many SKUs: all are stored, or none and every bad one is listed."""

    skus: Annotated[list[NamedSkuBody], Field(min_length=1, max_length=10_000), WrapValidator(_each_named_once)]
    changed_at: Instant | None = Field(default=None, description="Business time of the change; scope `import` only")


class SellingPolicyView(ResponseModel):
    """How the SKU may be sold when nothing is on hand."""

    mode: Mode
    backorder_cap: int | None
    release_date: date | None


class SkuView(ResponseModel):
    """A SKU as it stands."""

    sku: str
    name: str | None
    category: str | None
    lead_time_days: int | None
    selling_policy: SellingPolicyView
    version: int = Field(description="Counts the changes; also the ETag")


class BulkView(ResponseModel):
    """What a bulk did: SKUs made, changed, and found as they shall be."""

    created: int
    changed: int
    unchanged: int


def _view(sku: Sku, version: int) -> SkuView:
    policy = sku.policy
    return SkuView(
        sku=sku.sku,
        name=sku.name,
        category=sku.category,
        lead_time_days=sku.lead_time_days,
        selling_policy=SellingPolicyView(
            mode=policy.mode, backorder_cap=policy.backorder_cap, release_date=policy.release_date
        ),
        version=version,
    )


def router(use_cases: UseCases) -> APIRouter:
    """The routes of SKUs."""
    api = APIRouter(tags=["SKUs"])
    _add_many(api, use_cases)
    _add_one(api, use_cases)
    return api


def _add_many(api: APIRouter, use_cases: UseCases) -> None:
    @api.put("/v1/skus", summary="Create or replace many SKUs; what is left out is set back to its default")
    async def put_many_skus(*, principal: Annotated[Principal, require("inventory:write")], body: BulkBody) -> BulkView:
        may_state_business_time(principal, body.changed_at, "changed_at")
        wanted = [item.as_sku(item.sku) for item in body.skus]
        stored = await use_cases.on_catalogue(
            lambda catalogue, now: put_skus(catalogue, wanted, changed_at=body.changed_at or now, now=now)
        )
        created = sum(1 for version in stored.values() if version.created)
        changed = sum(1 for version in stored.values() if version.changed) - created
        return BulkView(created=created, changed=changed, unchanged=len(stored) - created - changed)

    @api.get("/v1/skus", summary="List SKUs", name="list_skus")
    async def list_all_skus(
        *,
        principal: Annotated[Principal, require("inventory:read")],
        page: PageParams,
        request: Request,
        response: Response,
        category: Annotated[Name | None, Query(description="Only of this category")] = None,
    ) -> Page[SkuView]:
        after = page.after(str)
        async with use_cases.reading() as conn:
            found = await list_skus(conn, category=category, after=after[0] if after else None, limit=page.limit + 1)
        return page_of(
            found,
            page,
            view=lambda versioned: _view(*versioned),
            cursor=lambda versioned: encode_cursor(versioned.row.sku),
            request=request,
            response=response,
        )


def _add_one(api: APIRouter, use_cases: UseCases) -> None:
    @api.put(
        "/v1/skus/{sku:path}",
        name="put_sku",
        summary="Create or replace a SKU; what is left out is set back to its default",
        responses={201: {"model": SkuView, "description": "The SKU was made"}},
    )
    async def put_one_sku(
        *,
        principal: Annotated[Principal, require("inventory:write")],
        sku: SkuPath,
        body: OneSkuBody,
        response: Response,
        if_match: IfMatch = None,
    ) -> SkuView:
        may_state_business_time(principal, body.changed_at, "changed_at")
        wanted = body.as_sku(sku)
        stored: StoredVersion = await use_cases.on_catalogue(
            lambda catalogue, now: put_sku(
                catalogue, wanted, expect=partial(matches_version, if_match), changed_at=body.changed_at or now, now=now
            )
        )
        response.status_code = 201 if stored.created else 200
        set_etag(response, stored.version)
        return _view(wanted, stored.version)

    @api.get("/v1/skus/{sku:path}", name="get_sku", summary="Read a SKU", response_model=SkuView)
    async def get_sku(
        *,
        principal: Annotated[Principal, require("inventory:read")],
        sku: SkuPath,
        request: Request,
        response: Response,
    ) -> Any:
        async with use_cases.reading() as conn:
            found = await sku_named(conn, sku)
        if found is None:
            raise not_found("sku")
        if not_modified(request, found.version):
            return not_modified_response(found.version)
        set_etag(response, found.version)
        return _view(found.row, found.version)
