"""The short form of policies: the sort of a SKU or of everything else, in one request."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response
from pydantic import ConfigDict, Field

from allocation_service.application.policies.policy_choice import DEFAULT, Choice, Scope, Target
from allocation_service.application.policies.policy_records import Version
from allocation_service.application.policies.set_own_policy import (
    SetOwnPolicy,
    list_choices,
    read_choice,
    reset_own_policy,
    set_own_policy,
)
from allocation_service.domain.policies.policy import Sort
from allocation_service.entrypoints.http.dependencies import Application, BusinessNow, PolicyWriter, UnitsOfWork
from allocation_service.entrypoints.http.warning_schemas import WarningView, warnings_of_unknown
from service_kit.commands.execute import execute, read
from service_kit.http.conditional import (
    IfMatch,
    expected_version,
    not_modified,
    not_modified_response,
    set_etag,
)
from service_kit.http.fields import Name
from service_kit.http.models import RequestModel, ResponseModel
from service_kit.http.pagination import Page, PageParams, encode_cursor, link_header

PATH = "/v1/allocation-policies/{name:path}"
NamePath = Annotated[Name, Path(description="`default`, or a SKU")]

router = APIRouter(tags=["Policies"])


class PolicyBody(RequestModel):
    """In which order those who wait are served."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"sort": "priority", "protect_promises": True}]})

    sort: Sort = Field(description="fifo: first come; priority: tier, then needed-by, then first come")
    protect_promises: bool | None = Field(
        default=None,
        description="Serve first, by their dates, the promises that giving this stock to others would break;"
        " left out, it stays as it is, and is true where nothing was set",
    )


class PolicyView(ResponseModel):
    """The policy that decisions about this name follow."""

    name: str
    version: int
    sort: Sort
    protect_promises: bool
    inherited: bool = Field(description="The SKU has none of its own; its category's or the default's is shown")
    policy: str = Field(description="The policy it follows, see `/v1/policies`")
    scope: Scope = Field(description="By which assignment")


class PutPolicyView(PolicyView):
    """The policy as it was set."""

    warnings: list[WarningView] = Field(description="What may not be meant, in plain words")


def _view(name: str, found: Choice, *, inherited: bool = False) -> PolicyView:
    return PolicyView(**_fields(name, found), inherited=inherited)


def _fields(name: str, found: Choice) -> dict[str, Any]:
    policy = found.policy
    return {
        "name": name,
        "version": policy.version,
        "sort": policy.sort,
        "protect_promises": policy.protect_promises,
        "policy": policy.name,
        "scope": found.scope,
    }


@router.get("/v1/allocation-policies", name="list_allocation_policies", summary="The default and each SKU's own")
async def list_policies(
    *,
    principal: PolicyWriter,
    page: PageParams,
    request: Request,
    response: Response,
    units: UnitsOfWork,
    now: BusinessNow,
) -> Page[PolicyView]:
    shown, more = await read(units, list_choices, page.after(str, str) or ("", ""), page.limit, now)
    cursor = encode_cursor(shown[-1][0].scope, shown[-1][0].target) if more else None
    link_header(response, request, cursor)
    return Page(data=[_view(one.target or "default", choice) for one, choice in shown], next_cursor=cursor)


@router.get(
    PATH, name="get_allocation_policy", summary="The policy of a SKU, or the default", response_model=PolicyView
)
async def get_policy(
    *,
    name: NamePath,
    request: Request,
    response: Response,
    principal: PolicyWriter,
    units: UnitsOfWork,
    now: BusinessNow,
) -> PolicyView | Response:
    found, own = await read(units, read_choice, _target(name), now)
    if own:
        if not_modified(request, found.policy.version):
            return not_modified_response(found.policy.version)
        set_etag(response, found.policy.version)
    return _view(name, found, inherited=not own)


@router.put(PATH, name="put_allocation_policy", summary="Set the policy of a SKU, or the default")
async def put_policy(
    *,
    name: NamePath,
    body: PolicyBody,
    response: Response,
    principal: PolicyWriter,
    application: Application,
    now: BusinessNow,
    if_match: IfMatch = None,
) -> PutPolicyView:
    """Keeps what the policy says beside its sort. Decisions from now on follow it.

    During a season, it is the everyday version that is kept, and the season ends; `warnings` say so.
    """
    command = SetOwnPolicy(
        _target(name),
        body.sort,
        body.protect_promises,
        application.settings.tiers,
        principal.key_id,
        now,
        expected_version(if_match),
    )
    done = await execute(application.units, set_own_policy, command)
    set_etag(response, done.choice.policy.version)
    warnings = [*warnings_of_unknown(done.unknown, "/name"), *_ended(done.ended)]
    return PutPolicyView(**_fields(name, done.choice), inherited=False, warnings=warnings)


@router.delete(PATH, name="delete_allocation_policy", summary="Back to the default", status_code=204)
async def delete_policy(
    *, name: NamePath, principal: PolicyWriter, units: UnitsOfWork, now: BusinessNow, if_match: IfMatch = None
) -> None:
    """Decisions about the SKU follow its category or the default from now on."""
    await execute(units, reset_own_policy, _target(name), principal.key_id, now, expected_version(if_match))


def _target(name: str) -> Target:
    return DEFAULT if name == "default" else (Scope.SKU, name)


def _ended(seasons: Sequence[Version]) -> list[WarningView]:
    return [
        WarningView(
            pointer="/policy",
            detail=f"Version {one.version} was a season until {one.valid_until:%Y-%m-%d %H:%M} UTC: it has ended.",
        )
        for one in seasons
    ]
