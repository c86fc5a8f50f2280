"""Allocation policies: versioned data, changed without a deploy."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response
from pydantic import ConfigDict, Field

from allocation_service.adapters import queries
from allocation_service.domain.policy import Policy, Sort
from service_kit.database import Database
from service_kit.http import (
    Principal,
    RequestModel,
    ResponseModel,
    check_if_match,
    not_modified,
    not_modified_response,
    require,
    set_etag,
)

PolicyName = Annotated[str, Path(min_length=1, max_length=100, description="`default`, or a SKU")]


class PolicyBody(RequestModel):
    """In which order those who wait are served."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"sort": "priority", "protect_promises": True}]})

    sort: Sort = Field(description="fifo: first come; priority: tier, then needed-by, then first come")
    protect_promises: bool = Field(
        default=True, description="Serve what is promised before the next expected supply before everything else"
    )


class PolicyView(ResponseModel):
    """The policy that decisions about this name follow."""

    name: str
    version: int
    sort: Sort
    protect_promises: bool
    inherited: bool = Field(description="The SKU has none of its own; the default's is shown")


def _view(name: str, policy: Policy, *, inherited: bool = False) -> PolicyView:
    return PolicyView(
        name=name,
        version=policy.version,
        sort=policy.sort,
        protect_promises=policy.protect_promises,
        inherited=inherited,
    )


def router(database: Database) -> APIRouter:
    """The routes of policies."""
    api = APIRouter(tags=["Policies"])
    path = "/v1/allocation-policies/{name:path}"

    @api.get(
        path, name="get_allocation_policy", summary="The policy of a SKU, or the default", response_model=PolicyView
    )
    async def get_policy(
        name: PolicyName,
        request: Request,
        response: Response,
        principal: Annotated[Principal, require("policies:write")],
    ) -> PolicyView | Response:
        async with database.reading() as conn:
            own = await queries.read_policy(conn, name)
            policy = own or await queries.read_policy(conn, "default") or Policy()
        if own is not None:
            if not_modified(request, own.version):
                return not_modified_response(own.version)
            set_etag(response, own.version)
        return _view(name, policy, inherited=own is None)

    @api.put(path, name="put_allocation_policy", summary="Set the policy of a SKU, or the default")
    async def put_policy(
        name: PolicyName,
        body: PolicyBody,
        request: Request,
        response: Response,
        principal: Annotated[Principal, require("policies:write")],
    ) -> PolicyView:
        async with database.transaction() as conn:
            known = await queries.read_policy(conn, name, lock=True)
            version = known.version if known else 0
            check_if_match(request, version)
            same = known is not None and (known.sort, known.protect_promises) == (body.sort, body.protect_promises)
            policy = Policy(name, version if same else version + 1, body.sort, body.protect_promises)
            if not same:
                await queries.write_policy(conn, name, policy)
        set_etag(response, policy.version)
        return _view(name, policy)

    return api
