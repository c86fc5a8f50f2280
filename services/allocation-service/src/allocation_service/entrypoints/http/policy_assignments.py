"""Who follows which policy: SKUs, categories, and the default for everything else."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Path, Query, Request, Response

from allocation_service.adapters.policies import policy_assignments, policy_versions
from allocation_service.adapters.policies.policy_assignments import Assignment
from allocation_service.adapters.policies.policy_versions import Version
from allocation_service.application.policies.policy_choice import DEFAULT, Scope, Target
from allocation_service.entrypoints.http.policy_schemas import AssignBody, AssignedView, AssignmentView, PolicyName
from allocation_service.entrypoints.http.warning_schemas import WarningView, warnings_of_unknown
from service_kit.http.api_keys import Principal
from service_kit.http.authentication import require
from service_kit.http.conditional import IfMatch, matches_version, not_modified, not_modified_response, set_etag
from service_kit.http.fields import Name, Title
from service_kit.http.pagination import Page, PageParams, encode_cursor, link_header
from service_kit.http.problems import FieldError, not_found, unprocessable
from service_kit.persistence.database import Database

PATH = "/v1/policy-assignments"
Writer = Annotated[Principal, require("policies:write")]
SkuPath = Annotated[Name, Path(description="The SKU, percent-encoded", examples=["85123A"])]
CategoryPath = Annotated[Title, Path(description="The category, percent-encoded", examples=["garden"])]


class Assignments:
    """The changes and reads of assignments, the same for every scope."""

    def __init__(self, database: Database, now: Callable[[], Awaitable[datetime]]) -> None:
        self._database, self._now = database, now

    async def read(self, target: Target, request: Request, response: Response) -> AssignmentView | Response:
        """What is assigned to the target itself; Problem 404 where nothing is."""
        async with self._database.reading() as conn:
            found = await policy_assignments.read_assignment(conn, target)
        if found is None:
            raise not_found("assignment")
        if not_modified(request, found.version):
            return not_modified_response(found.version)
        set_etag(response, found.version)
        return _view(found)

    async def assign(
        self, target: Target, body: AssignBody, if_match: str | None, response: Response, by: str
    ) -> AssignedView:
        """Let the target follow a policy; Problem 422 where there is none, or only a draft of it."""
        now = await self._now()
        async with self._database.transaction() as conn:
            # The policy first, as every change locks it first.
            if await policy_versions.read_revision(conn, body.policy, lock=True) is None:
                raise unprocessable([FieldError("/policy", "There is no such policy; create it first.")])
            versions = await policy_versions.read_versions(conn, body.policy)
            # There is at most one draft: of two versions one was in force once.
            _check_activated(body.policy, await policy_versions.read_versions(conn, body.policy, retired=True, limit=2))
            found = await policy_assignments.read_assignment(conn, target, lock=True)
            matches_version(if_match, found.version if found else None)
            if found is None or found.policy != body.policy:
                found = await policy_assignments.assign(conn, target, body.policy, by)
                await policy_assignments.want_review(conn, target=target)
            warnings = await warnings_of_unknown(conn, target, "/target")
        if policy_versions.version_in_force(versions, now) is None:
            wider = "first come first served decides" if target == DEFAULT else "the next wider scope decides"
            words = f"No version of it is in force now: until one is, {wider}."
            warnings.append(WarningView(pointer="/policy", detail=words))
        set_etag(response, found.version)
        return AssignedView(**found._asdict(), warnings=warnings)

    async def drop(self, target: Target, if_match: str | None) -> None:
        """Let the target follow the next wider scope; Problem 404 where it has nothing of its own."""
        async with self._database.transaction() as conn:
            found = await policy_assignments.read_assignment(conn, target, lock=True)
            if found is None:
                raise not_found("assignment")
            matches_version(if_match, found.version)
            await policy_assignments.unassign(conn, target)
            await policy_assignments.want_review(conn, target=target)

    async def page(self, page: PageParams, policy: str | None) -> Page[AssignmentView]:
        """Assignments by scope and target."""
        after = page.after(str, str)
        async with self._database.reading() as conn:
            found = await policy_assignments.list_assignments(conn, after or ("", ""), page.limit + 1, policy=policy)
        cursor = None
        if len(found) > page.limit:
            last = found[page.limit - 1]
            cursor = encode_cursor(last.scope, last.target)
        return Page(data=[_view(one) for one in found[: page.limit]], next_cursor=cursor)


def _view(found: Assignment) -> AssignmentView:
    return AssignmentView.model_validate(found._asdict())


def _check_activated(policy: str, versions: Sequence[Version]) -> None:
    """Problem 422 for a policy that never was in force: whoever assigns it means it to decide."""
    if any(one.status != "draft" for one in versions):
        return
    path = f"/v1/policies/{quote(policy, safe=':')}"
    words = f"The policy {policy} has only a draft: activate it first (POST {path}/activate)."
    if not versions:
        words = f"The policy {policy} has no version: write a draft (PUT {path}/draft) and activate it."
    raise unprocessable([FieldError("/policy", words)])


def router(database: Database, now: Callable[[], Awaitable[datetime]]) -> APIRouter:
    """The routes of assignments."""
    api = APIRouter(tags=["Policies"])
    assignments = Assignments(database, now)

    @api.get(PATH, name="list_policy_assignments", summary="Who follows which policy")
    async def list_assignments(
        *,
        principal: Writer,
        page: PageParams,
        request: Request,
        response: Response,
        policy: Annotated[PolicyName | None, Query(description="Only those that follow it")] = None,
    ) -> Page[AssignmentView]:
        found = await assignments.page(page, policy)
        link_header(response, request, found.next_cursor)
        return found

    _add_default(api, assignments)
    _add_scope(api, assignments)
    return api


def _add_default(api: APIRouter, assignments: Assignments) -> None:
    path = f"{PATH}/default"

    @api.get(
        path,
        name="get_default_policy_assignment",
        summary="What everything else follows",
        response_model=AssignmentView,
    )
    async def get_default(principal: Writer, request: Request, response: Response) -> AssignmentView | Response:
        return await assignments.read(DEFAULT, request, response)

    @api.put(path, name="put_default_policy_assignment", summary="Let everything else follow a policy")
    async def put_default(
        principal: Writer, body: AssignBody, response: Response, if_match: IfMatch = None
    ) -> AssignedView:
        """SKUs and categories with a policy of their own go on following that."""
        return await assignments.assign(DEFAULT, body, if_match, response, principal.key_id)


def _add_scope(api: APIRouter, assignments: Assignments) -> None:
    skus, categories = f"{PATH}/skus/{{sku:path}}", f"{PATH}/categories/{{category:path}}"

    @api.get(skus, name="get_sku_policy_assignment", summary="What a SKU follows", response_model=AssignmentView)
    async def get_sku(
        principal: Writer, sku: SkuPath, request: Request, response: Response
    ) -> AssignmentView | Response:
        """Its own assignment, not what it inherits: that is `GET /v1/allocation-policies/{sku}`."""
        return await assignments.read((Scope.SKU, sku), request, response)

    @api.put(skus, name="put_sku_policy_assignment", summary="Let a SKU follow a policy")
    async def put_sku(
        principal: Writer, sku: SkuPath, body: AssignBody, response: Response, if_match: IfMatch = None
    ) -> AssignedView:
        return await assignments.assign((Scope.SKU, sku), body, if_match, response, principal.key_id)

    @api.delete(skus, name="delete_sku_policy_assignment", summary="Let a SKU follow its category", status_code=204)
    async def delete_sku(principal: Writer, sku: SkuPath, if_match: IfMatch = None) -> None:
        await assignments.drop((Scope.SKU, sku), if_match)

    @api.get(
        categories,
        name="get_category_policy_assignment",
        summary="What a category follows",
        response_model=AssignmentView,
    )
    async def get_category(
        principal: Writer, category: CategoryPath, request: Request, response: Response
    ) -> AssignmentView | Response:
        return await assignments.read((Scope.CATEGORY, category), request, response)

    @api.put(categories, name="put_category_policy_assignment", summary="Let a category follow a policy")
    async def put_category(
        principal: Writer, category: CategoryPath, body: AssignBody, response: Response, if_match: IfMatch = None
    ) -> AssignedView:
        """SKUs of it with a policy of their own go on following that."""
        return await assignments.assign((Scope.CATEGORY, category), body, if_match, response, principal.key_id)

    @api.delete(
        categories,
        name="delete_category_policy_assignment",
        summary="Let a category follow the default",
        status_code=204,
    )
    async def delete_category(principal: Writer, category: CategoryPath, if_match: IfMatch = None) -> None:
        await assignments.drop((Scope.CATEGORY, category), if_match)
