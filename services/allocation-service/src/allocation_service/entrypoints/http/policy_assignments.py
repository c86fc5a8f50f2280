"""Who follows which policy: SKUs, categories, and the default for everything else."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from allocation_service.application.policies.assign_policy import (
    AssignPolicy,
    assign_policy,
    list_assignments,
    read_assignment,
    unassign_policy,
)
from allocation_service.application.policies.policy_choice import DEFAULT, Scope, Target
from allocation_service.application.policies.policy_records import Assignment
from allocation_service.application.unit_of_work import Units
from allocation_service.entrypoints.http.dependencies import Application, PolicyWriter, UnitsOfWork
from allocation_service.entrypoints.http.policy_schemas import AssignBody, AssignedView, AssignmentView, PolicyName
from allocation_service.entrypoints.http.warning_schemas import WarningView, warnings_of_unknown
from service_kit.commands.execute import execute, read
from service_kit.http.conditional import (
    IfMatch,
    expected_version,
    not_modified,
    not_modified_response,
    set_etag,
)
from service_kit.http.fields import Name, Title
from service_kit.http.pagination import Page, PageParams, encode_cursor, link_header

PATH = "/v1/policy-assignments"
SKUS, CATEGORIES = f"{PATH}/skus/{{sku:path}}", f"{PATH}/categories/{{category:path}}"
SkuPath = Annotated[Name, Path(description="The SKU, percent-encoded", examples=["85123A"])]
CategoryPath = Annotated[Title, Path(description="The category, percent-encoded", examples=["garden"])]

router = APIRouter(tags=["Policies"])


@router.get(PATH, name="list_policy_assignments", summary="Who follows which policy")
async def get_assignments(
    *,
    principal: PolicyWriter,
    page: PageParams,
    request: Request,
    response: Response,
    units: UnitsOfWork,
    policy: Annotated[PolicyName | None, Query(description="Only those that follow it")] = None,
) -> Page[AssignmentView]:
    found = await read(units, list_assignments, page.after(str, str) or ("", ""), page.limit + 1, policy)
    cursor = None
    if len(found) > page.limit:
        last = found[page.limit - 1]
        cursor = encode_cursor(last.scope, last.target)
    link_header(response, request, cursor)
    return Page(data=[_view(one) for one in found[: page.limit]], next_cursor=cursor)


@router.get(
    f"{PATH}/default",
    name="get_default_policy_assignment",
    summary="What everything else follows",
    response_model=AssignmentView,
)
async def get_default(
    principal: PolicyWriter, request: Request, response: Response, units: UnitsOfWork
) -> AssignmentView | Response:
    return await _read(units, DEFAULT, request, response)


@router.put(f"{PATH}/default", name="put_default_policy_assignment", summary="Let everything else follow a policy")
async def put_default(
    *,
    principal: PolicyWriter,
    body: AssignBody,
    response: Response,
    application: Application,
    if_match: IfMatch = None,
) -> AssignedView:
    """SKUs and categories with a policy of their own go on following that."""
    expected = expected_version(if_match)
    command = AssignPolicy(DEFAULT, body.policy, principal.key_id, await application.now(), expected)
    return await _assign(application, command, response)


@router.get(SKUS, name="get_sku_policy_assignment", summary="What a SKU follows", response_model=AssignmentView)
async def get_sku(
    *, principal: PolicyWriter, sku: SkuPath, request: Request, response: Response, units: UnitsOfWork
) -> AssignmentView | Response:
    """Its own assignment, not what it inherits: that is `GET /v1/allocation-policies/{sku}`."""
    return await _read(units, (Scope.SKU, sku), request, response)


@router.put(SKUS, name="put_sku_policy_assignment", summary="Let a SKU follow a policy")
async def put_sku(
    *,
    principal: PolicyWriter,
    sku: SkuPath,
    body: AssignBody,
    response: Response,
    application: Application,
    if_match: IfMatch = None,
) -> AssignedView:
    expected = expected_version(if_match)
    command = AssignPolicy((Scope.SKU, sku), body.policy, principal.key_id, await application.now(), expected)
    return await _assign(application, command, response)


@router.delete(SKUS, name="delete_sku_policy_assignment", summary="Let a SKU follow its category", status_code=204)
async def delete_sku(principal: PolicyWriter, sku: SkuPath, units: UnitsOfWork, if_match: IfMatch = None) -> None:
    await execute(units, unassign_policy, (Scope.SKU, sku), expected_version(if_match))


@router.get(
    CATEGORIES,
    name="get_category_policy_assignment",
    summary="What a category follows",
    response_model=AssignmentView,
)
async def get_category(
    *, principal: PolicyWriter, category: CategoryPath, request: Request, response: Response, units: UnitsOfWork
) -> AssignmentView | Response:
    return await _read(units, (Scope.CATEGORY, category), request, response)


@router.put(CATEGORIES, name="put_category_policy_assignment", summary="Let a category follow a policy")
async def put_category(
    *,
    principal: PolicyWriter,
    category: CategoryPath,
    body: AssignBody,
    response: Response,
    application: Application,
    if_match: IfMatch = None,
) -> AssignedView:
    """SKUs of it with a policy of their own go on following that."""
    expected = expected_version(if_match)
    command = AssignPolicy((Scope.CATEGORY, category), body.policy, principal.key_id, await application.now(), expected)
    return await _assign(application, command, response)


@router.delete(
    CATEGORIES,
    name="delete_category_policy_assignment",
    summary="Let a category follow the default",
    status_code=204,
)
async def delete_category(
    principal: PolicyWriter, category: CategoryPath, units: UnitsOfWork, if_match: IfMatch = None
) -> None:
    await execute(units, unassign_policy, (Scope.CATEGORY, category), expected_version(if_match))


async def _read(units: Units, target: Target, request: Request, response: Response) -> AssignmentView | Response:
    found = await read(units, read_assignment, target)
    if not_modified(request, found.version):
        return not_modified_response(found.version)
    set_etag(response, found.version)
    return _view(found)


async def _assign(application: Application, command: AssignPolicy, response: Response) -> AssignedView:
    assigned = await execute(application.units, assign_policy, command)
    warnings = warnings_of_unknown(assigned.unknown, "/target")
    if not assigned.in_force:
        wider = "first come first served decides" if command.target == DEFAULT else "the next wider scope decides"
        words = f"No version of it is in force now: until one is, {wider}."
        warnings.append(WarningView(pointer="/policy", detail=words))
    set_etag(response, assigned.assignment.version)
    return AssignedView(**assigned.assignment._asdict(), warnings=warnings)


def _view(found: Assignment) -> AssignmentView:
    return AssignmentView.model_validate(found._asdict())
