"""Allocation policies: versioned data, changed without a deploy."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response
from pydantic import ConfigDict, Field

from allocation_service.adapters import policies
from allocation_service.domain.policy import Policy, Sort
from service_kit.database import Database
from service_kit.http import (
    Page,
    PageParams,
    Principal,
    RequestModel,
    ResponseModel,
    check_if_match,
    encode_cursor,
    link_header,
    not_modified,
    not_modified_response,
    require,
    set_etag,
)
from service_kit.problems import conflict, not_found

PATH = "/v1/allocation-policies/{name:path}"
Writer = Annotated[Principal, require("policies:write")]
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
    _add_reads(api, database)
    _add_changes(api, database)
    return api


def _add_reads(api: APIRouter, database: Database) -> None:
    @api.get("/v1/allocation-policies", name="list_allocation_policies", summary="The default and each SKU's own")
    async def list_policies(
        principal: Writer, page: PageParams, request: Request, response: Response
    ) -> Page[PolicyView]:
        after = page.after(str)
        async with database.reading() as conn:
            found = await policies.list_policies(conn, after[0] if after else None, page.limit + 1)
        shown = found[: page.limit]
        cursor = encode_cursor(shown[-1].name) if len(found) > page.limit else None
        link_header(response, request, cursor)
        return Page(data=[_view(policies.shown_name(one.name), one) for one in shown], next_cursor=cursor)

    @api.get(
        PATH, name="get_allocation_policy", summary="The policy of a SKU, or the default", response_model=PolicyView
    )
    async def get_policy(
        name: PolicyName, request: Request, response: Response, principal: Writer
    ) -> PolicyView | Response:
        async with database.reading() as conn:
            own = await policies.read_policy(conn, name)
            policy = own or await policies.read_policy(conn, "default") or Policy()
        if own is not None:
            if not_modified(request, own.version):
                return not_modified_response(own.version)
            set_etag(response, own.version)
        return _view(name, policy, inherited=own is None)


def _add_changes(api: APIRouter, database: Database) -> None:
    @api.put(PATH, name="put_allocation_policy", summary="Set the policy of a SKU, or the default")
    async def put_policy(
        name: PolicyName, body: PolicyBody, request: Request, response: Response, principal: Writer
    ) -> PolicyView:
        async with database.transaction() as conn:
            known = await policies.stored_policy(conn, name, lock=True)
            version = known.policy.version if known else 0
            check_if_match(request, version if known and not known.dropped else 0)
            kept = known is not None and not known.dropped and _says(known.policy, body)
            policy = Policy(name, version if kept else version + 1, body.sort, body.protect_promises)
            if not kept:
                await policies.write_policy(conn, name, policy)
        set_etag(response, policy.version)
        return _view(name, policy)

    @api.delete(PATH, name="delete_allocation_policy", summary="Back to the default", status_code=204)
    async def delete_policy(name: PolicyName, request: Request, principal: Writer) -> None:
        """Decisions about the SKU follow the default from now on."""
        if name == "default":
            raise conflict("default_policy", "The default applies wherever nothing else does; set another instead.")
        async with database.transaction() as conn:
            known = await policies.stored_policy(conn, name, lock=True)
            if known is None or known.dropped:
                raise not_found("policy")
            check_if_match(request, known.policy.version)
            await policies.drop_policy(conn, name)


def _says(policy: Policy, body: PolicyBody) -> bool:
    return (policy.sort, policy.protect_promises) == (body.sort, body.protect_promises)
