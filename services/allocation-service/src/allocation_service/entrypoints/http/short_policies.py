"""The short form of policies: the sort of a SKU or of everything else, in one request.

It writes the policy of that name (``default``, or ``sku:`` and the SKU), activates it and assigns it; what
that policy says beside its sort stays. A policy that others follow too is left alone.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response
from pydantic import ConfigDict, Field
from sqlalchemy.ext.asyncio import AsyncConnection

from allocation_service.adapters.policies import policy_assignments, policy_versions
from allocation_service.adapters.policies.policy_versions import Version
from allocation_service.adapters.store.policies_in_force import policy_of
from allocation_service.application.policies.policy_choice import DEFAULT, Choice, Scope, Target
from allocation_service.application.policies.policy_templates import tier_terms
from allocation_service.domain.policies.policy import Policy, Sort
from allocation_service.domain.policies.policy_document import validate
from allocation_service.entrypoints.http.policy_schemas import content_of
from allocation_service.entrypoints.http.warning_schemas import WarningView, warnings_of_unknown
from service_kit.http.api_keys import Principal
from service_kit.http.authentication import require
from service_kit.http.conditional import IfMatch, matches_version, not_modified, not_modified_response, set_etag
from service_kit.http.fields import Name
from service_kit.http.models import RequestModel, ResponseModel
from service_kit.http.pagination import Page, PageParams, encode_cursor, link_header
from service_kit.http.problems import FieldError, conflict, not_found, unprocessable
from service_kit.persistence.database import Database

PATH = "/v1/allocation-policies/{name:path}"
Writer = Annotated[Principal, require("policies:write")]
PolicyPath = Annotated[Name, Path(description="`default`, or a SKU")]
Now = Callable[[], Awaitable[datetime]]


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


def _target(name: str) -> Target:
    return DEFAULT if name == "default" else (Scope.SKU, name)


def _own(target: Target) -> str:
    """The policy that is nobody else's."""
    return "default" if target == DEFAULT else f"sku:{target[1]}"


def router(database: Database, now: Now, tiers: tuple[str, ...]) -> APIRouter:
    """The routes of the short form."""
    api = APIRouter(tags=["Policies"])
    _add_reads(api, database, now)
    _add_changes(api, database, now, tiers)
    return api


async def _choice(conn: AsyncConnection, target: Target, now: datetime) -> Choice:
    """What decides about a target now. A SKU that is called as the default is a SKU."""
    if target == DEFAULT:
        return await policy_of(conn, "", None, now)
    return await policy_of(conn, target[1], await policy_assignments.category_of(conn, target[1]), now)


def _add_reads(api: APIRouter, database: Database, now: Now) -> None:
    @api.get("/v1/allocation-policies", name="list_allocation_policies", summary="The default and each SKU's own")
    async def list_policies(
        principal: Writer, page: PageParams, request: Request, response: Response
    ) -> Page[PolicyView]:
        after, at = page.after(str, str), await now()
        async with database.reading() as conn:
            found = await policy_assignments.list_assignments(
                conn, after or ("", ""), page.limit + 1, without=Scope.CATEGORY
            )
            shown = found[: page.limit]
            choices = [await _choice(conn, (one.scope, one.target), at) for one in shown]
        cursor = encode_cursor(shown[-1].scope, shown[-1].target) if len(found) > page.limit else None
        link_header(response, request, cursor)
        rows = [_view(one.target or "default", choice) for one, choice in zip(shown, choices, strict=True)]
        return Page(data=rows, next_cursor=cursor)

    @api.get(
        PATH, name="get_allocation_policy", summary="The policy of a SKU, or the default", response_model=PolicyView
    )
    async def get_policy(
        name: PolicyPath, request: Request, response: Response, principal: Writer
    ) -> PolicyView | Response:
        at, target = await now(), _target(name)
        async with database.reading() as conn:
            own = await policy_assignments.read_assignment(conn, target)
            found = await _choice(conn, target, at)
        if own is not None:
            if not_modified(request, found.policy.version):
                return not_modified_response(found.policy.version)
            set_etag(response, found.policy.version)
        return _view(name, found, inherited=own is None)


def _add_changes(api: APIRouter, database: Database, now: Now, tiers: tuple[str, ...]) -> None:
    @api.put(PATH, name="put_allocation_policy", summary="Set the policy of a SKU, or the default")
    async def put_policy(
        name: PolicyPath, body: PolicyBody, response: Response, principal: Writer, if_match: IfMatch = None
    ) -> PutPolicyView:
        """Keeps what the policy says beside its sort. Decisions from now on follow it.

        During a season, it is the everyday version that is kept, and the season ends; `warnings` say so.
        """
        at, target = await now(), _target(name)
        async with database.transaction() as conn:
            await policy_versions.create_policy(conn, _own(target))
            await policy_versions.read_revision(conn, _own(target), lock=True)
            known = await policy_assignments.read_assignment(conn, target, lock=True)
            current = await _choice(conn, target, at) if known else None
            matches_version(if_match, current.policy.version if current else None)
            warnings = await warnings_of_unknown(conn, target, "/name")
            if current is None or not _says(current.policy, _own(target), body):
                versions = await policy_versions.read_versions(conn, known.policy) if known else []
                policy = _changed(_everyday(versions, at) or (current.policy if current else None), body, tiers)
                if known is not None and known.policy == _own(target):
                    warnings += _ended(versions)
                current = await _write(conn, target, policy, principal.key_id)
        set_etag(response, current.policy.version)
        return PutPolicyView(**_fields(name, current), inherited=False, warnings=warnings)

    @api.delete(PATH, name="delete_allocation_policy", summary="Back to the default", status_code=204)
    async def delete_policy(name: PolicyPath, principal: Writer, if_match: IfMatch = None) -> None:
        """Decisions about the SKU follow its category or the default from now on."""
        if name == "default":
            raise conflict("default_policy", "The default applies wherever nothing else does; set another instead.")
        at, target = await now(), _target(name)
        async with database.transaction() as conn:
            await policy_versions.read_revision(conn, _own(target), lock=True)
            known = await policy_assignments.read_assignment(conn, target, lock=True)
            if known is None:
                raise not_found("policy")
            matches_version(if_match, (await _choice(conn, target, at)).policy.version)
            await policy_assignments.unassign(conn, target)
            await policy_assignments.want_review(conn, target=target)
            if known.policy == _own(target) and not await policy_assignments.count_followers(conn, [known.policy]):
                await policy_versions.retire(conn, known.policy, None, principal.key_id)
                await policy_versions.raise_revision(conn, known.policy)


async def _write(conn: AsyncConnection, target: Target, policy: Policy, by: str) -> Choice:
    """A new version of the target's own policy, in force at once and without end."""
    faults = validate(policy)
    if faults:
        words = f"With this sort the policy is not sound: {faults[0].detail}"
        raise unprocessable([FieldError("/sort", words)])
    own = _own(target)
    # A season that is under way would stand before it: who sets the sort here means now.
    await policy_versions.retire(conn, own, None, by)
    version = await policy_versions.write_active(conn, own, content_of(policy), by)
    await policy_versions.raise_revision(conn, own)
    await policy_assignments.assign(conn, target, own, by)
    await policy_assignments.want_review(conn, policy=own)
    return Choice(version.policy, Scope(target[0]))


def _says(policy: Policy, own: str, body: PolicyBody) -> bool:
    """Whether a version of the target's own policy is in force that says so already."""
    protects = policy.protect_promises if body.protect_promises is None else body.protect_promises
    same = (policy.sort, policy.protect_promises) == (body.sort, protects)
    return same and policy.name == own and policy.version > 0


def _changed(base: Policy | None, body: PolicyBody, tiers: tuple[str, ...]) -> Policy:
    policy = base or Policy(tiers=tier_terms(tiers))
    protects = policy.protect_promises if body.protect_promises is None else body.protect_promises
    return policy._replace(sort=body.sort, protect_promises=protects)


def _everyday(versions: Sequence[Version], now: datetime) -> Policy | None:
    """What decides when no season does: the newest version in force that has no end."""
    lasting = [one for one in versions if one.valid_until is None]
    found = policy_versions.version_in_force(lasting, now)
    return found.policy if found else None


def _ended(versions: Sequence[Version]) -> list[WarningView]:
    seasons = [one for one in versions if one.status == "active" and one.valid_until is not None]
    return [
        WarningView(
            pointer="/policy",
            detail=f"Version {one.version} was a season until {one.valid_until:%Y-%m-%d %H:%M} UTC: it has ended.",
        )
        for one in seasons
    ]
