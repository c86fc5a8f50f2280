"""Policies as versions: drafted, validated, put in force for good or for a while, and told of afterwards."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response
from sqlalchemy.ext.asyncio import AsyncConnection

from allocation_service.adapters.policies import policy_assignments, policy_versions
from allocation_service.adapters.policies.policy_versions import Version, Window
from allocation_service.application.policies import policy_advice
from allocation_service.application.policies.policy_changes import changes
from allocation_service.application.policies.policy_templates import templates
from allocation_service.domain.policies.policy_document import validate
from allocation_service.entrypoints.http.policy_schemas import (
    ActivateBody,
    ActivatedView,
    CreateBody,
    DraftBody,
    HistoryEntry,
    PolicyContent,
    PolicyDetail,
    PolicyName,
    PolicySummary,
    RetireBody,
    TemplateList,
    TemplateView,
    ValidateBody,
    VerdictView,
    VersionView,
    content_of,
)
from allocation_service.entrypoints.http.warning_schemas import WarningView
from service_kit.commands.command_batcher import CommandBatcher, IdempotencyClaim
from service_kit.http.api_keys import Principal
from service_kit.http.authentication import require
from service_kit.http.conditional import IfMatch, RequiredIfMatch, matches_version, set_etag
from service_kit.http.idempotency import fingerprint, idempotency_key, mark_replayed
from service_kit.http.pagination import Page, PageParams, encode_cursor, link_header
from service_kit.http.problems import FieldError, Problem, conflict, not_found, unprocessable
from service_kit.messaging.sql_unit_of_work import SqlUnitOfWork, SqlUnitOfWorkFactory
from service_kit.persistence.database import Database

PATH = "/v1/policies/{name:path}"
Writer = Annotated[Principal, require("policies:write")]
NamePath = Annotated[PolicyName, Path(description="The policy's name, percent-encoded", examples=["black-friday"])]


@dataclass(frozen=True, slots=True)
class Creation:
    """A new policy, as a draft."""

    name: str
    document: dict[str, Any]
    note: str
    by: str


@dataclass(frozen=True, slots=True)
class PolicyParts:
    """What the routes work with."""

    database: Database
    now: Callable[[], Awaitable[datetime]]
    tiers: tuple[str, ...]

    async def detail(self, name: str) -> PolicyDetail:
        """A policy as it stands; Problem 404 if there is none."""
        now = await self.now()
        async with self.database.reading() as conn:
            revision = await policy_versions.read_revision(conn, name)
            if revision is None:
                raise not_found("policy")
            versions = await policy_versions.read_versions(conn, name)
            followers = await policy_assignments.count_followers(conn, [name])
        found = policy_versions.version_in_force(versions, now)
        draft = next((one for one in versions if one.status == "draft"), None)
        return PolicyDetail(
            name=name,
            revision=revision,
            in_force=found.version if found else None,
            active=[VersionView.of(one, now) for one in versions if one.status == "active" and not one.ended(now)],
            draft=VersionView.of(draft, now) if draft else None,
            assignments=followers.get(name, 0),
        )


async def lock(conn: AsyncConnection, name: str, if_match: str | None, *, required: bool = False) -> None:
    """Lock a policy that the caller has read as it is: Problem 404, 412 or 428 otherwise."""
    revision = await policy_versions.read_revision(conn, name, lock=True)
    if revision is None:
        raise not_found("policy")
    matches_version(if_match, revision, required=required)


def router(database: Database, now: Callable[[], Awaitable[datetime]], tiers: tuple[str, ...]) -> APIRouter:
    """The routes of policies. Those below a policy come first: a name may hold slashes."""
    api = APIRouter(tags=["Policies"])
    parts = PolicyParts(database, now, tiers)
    _add_collection(api, parts)
    _add_drafts(api, parts)
    _add_force(api, parts)
    _add_reads(api, parts)
    return api


async def _create(uow: SqlUnitOfWork, commands: Sequence[Creation]) -> list[str | Problem]:
    conn = uow.connection
    answers: list[str | Problem] = []
    for command in commands:
        if await policy_versions.create_policy(conn, command.name):
            await policy_versions.write_draft(conn, command.name, command.document, command.note, command.by)
            answers.append(command.name)
        else:
            answers.append(conflict("policy_exists", "There is a policy of this name; names are never used again."))
    return answers


def _add_collection(api: APIRouter, parts: PolicyParts) -> None:
    creations: CommandBatcher[Creation, str] = CommandBatcher.on(
        SqlUnitOfWorkFactory(parts.database, SqlUnitOfWork), _create
    )

    @api.get("/v1/policy-templates", name="list_policy_templates", summary="Policies to copy from")
    async def list_templates(principal: Writer) -> TemplateList:
        """Made for the tiers of this service; none of them decides anything."""
        views = [
            TemplateView(name=one.name, summary=one.summary, policy=PolicyContent.of(one.policy))
            for one in templates(parts.tiers)
        ]
        return TemplateList(data=views)

    @api.get("/v1/policies", name="list_policies", summary="All policies by name")
    async def list_policies(
        principal: Writer, page: PageParams, request: Request, response: Response
    ) -> Page[PolicySummary]:
        after = page.after(str)
        now = await parts.now()
        async with parts.database.reading() as conn:
            found = await policy_versions.list_policies(conn, after[0] if after else "", page.limit + 1)
            followers = await policy_assignments.count_followers(conn, [one.name for one in found])
        cursor = encode_cursor(found[page.limit - 1].name) if len(found) > page.limit else None
        link_header(response, request, cursor)
        return Page(
            data=[_summary(one, now, followers.get(one.name, 0)) for one in found[: page.limit]], next_cursor=cursor
        )

    @api.post("/v1/policies", name="create_policy", summary="Draft a new policy", status_code=201)
    async def create_policy(
        principal: Writer, body: CreateBody, key: Annotated[str, idempotency_key()], response: Response
    ) -> PolicyDetail:
        """Nothing follows it until its draft is activated and it is assigned."""
        document = content_of(body.policy.policy(body.name, parts.tiers))
        command = Creation(body.name, document, body.note, principal.key_id)
        claim = IdempotencyClaim(principal.key_id, "create_policy", key, fingerprint(body), body.name)
        submitted = await creations.submit(command, claim)
        view = await parts.detail(body.name)
        mark_replayed(response, submitted)
        response.headers["Location"] = f"/v1/policies/{body.name}"
        set_etag(response, view.revision)
        return view


def _summary(found: policy_versions.Listed, now: datetime, followers: int) -> PolicySummary:
    deciding = policy_versions.version_in_force(found.versions, now)
    return PolicySummary(
        name=found.name,
        revision=found.revision,
        in_force=deciding.version if deciding else None,
        sort=deciding.policy.sort if deciding else None,
        draft=next((one.version for one in found.versions if one.status == "draft"), None),
        assignments=followers,
    )


def _add_drafts(api: APIRouter, parts: PolicyParts) -> None:
    @api.put(f"{PATH}/draft", name="put_policy_draft", summary="Write a policy's draft")
    async def put_draft(
        name: NamePath, body: DraftBody, response: Response, principal: Writer, if_match: RequiredIfMatch = None
    ) -> PolicyDetail:
        """The whole document; needs `If-Match`. A draft may be faulty: validate it, activating asks for a sound one."""
        async with parts.database.transaction() as conn:
            await lock(conn, name, if_match, required=True)
            document = content_of(body.policy.policy(name, parts.tiers))
            await policy_versions.write_draft(conn, name, document, body.note, principal.key_id)
            await policy_versions.raise_revision(conn, name)
        view = await parts.detail(name)
        set_etag(response, view.revision)
        return view

    @api.delete(f"{PATH}/draft", name="delete_policy_draft", summary="Throw a policy's draft away", status_code=204)
    async def delete_draft(name: NamePath, principal: Writer, if_match: IfMatch = None) -> None:
        async with parts.database.transaction() as conn:
            await lock(conn, name, if_match)
            if not await policy_versions.drop_draft(conn, name):
                raise not_found("draft")
            await policy_versions.raise_revision(conn, name)

    @api.post(f"{PATH}/validate", name="validate_policy", summary="What is wrong with a policy, all at once")
    async def validate_policy(principal: Writer, name: NamePath, body: ValidateBody | None = None) -> VerdictView:
        """Judges the document that is sent, else the draft, else what is in force. Changes nothing.

        A document is sent as a draft is (`{"policy": ...}`) or alone; the verdict's pointers are places in the
        policy itself.
        """
        now = await parts.now()
        async with parts.database.reading() as conn:
            if await policy_versions.read_revision(conn, name) is None:
                raise not_found("policy")
            versions = await policy_versions.read_versions(conn, name)
        if body is not None:
            content = body.policy if isinstance(body, DraftBody) else body
            return VerdictView.of(content.policy(name, parts.tiers), parts.tiers)
        draft = next((one for one in versions if one.status == "draft"), None)
        found = draft or policy_versions.version_in_force(versions, now)
        if found is None:
            raise conflict("nothing_to_validate", "There is neither a draft nor a version in force; send a document.")
        return VerdictView.of(found.policy, parts.tiers)


def _add_force(api: APIRouter, parts: PolicyParts) -> None:
    @api.post(f"{PATH}/activate", name="activate_policy", summary="Put a policy's draft in force")
    async def activate(
        principal: Writer, name: NamePath, body: ActivateBody, response: Response, if_match: IfMatch = None
    ) -> ActivatedView:
        """What is decided from then on follows it, in every process and without a restart; what was decided stays.

        Without `valid_until` it replaces the versions without one. With it, it stands before them until it ends;
        `warnings` name the seasons that overlap with it, and repeat what `validate` warns of.
        """
        now = await parts.now()
        _check_window(body, now)
        async with parts.database.transaction() as conn:
            revision = await policy_versions.read_revision(conn, name, lock=True)
            if revision is None:
                raise not_found("policy")
            versions = await policy_versions.read_versions(conn, name)
            window, activated = Window(body.valid_from, body.valid_until), body.version
            if not _is_active(versions, body.version, window):
                matches_version(if_match, revision)
                draft = _sound_draft(versions, body.version)
                activated = draft.version
                await policy_versions.activate(conn, draft, window, body.note, principal.key_id)
                await policy_versions.raise_revision(conn, name)
                await policy_assignments.want_review(conn, policy=name)
        view = await parts.detail(name)
        set_etag(response, view.revision)
        warnings = [*_overlaps(view.active, activated), *_advice(name, view.active, activated, parts.tiers)]
        return ActivatedView(**dict(view), warnings=warnings)

    @api.post(f"{PATH}/retire", name="retire_policy_version", summary="Take a version of a policy out of force")
    async def retire(
        principal: Writer, name: NamePath, body: RetireBody, response: Response, if_match: IfMatch = None
    ) -> ActivatedView:
        """To end a promotion early, or call it off. Where no version is left, the next wider scope decides, and for
        the default first come first served; `warnings` say so if anybody follows the policy."""
        async with parts.database.transaction() as conn:
            await lock(conn, name, if_match)
            found = [
                one
                for one in await policy_versions.read_versions(conn, name, retired=True)
                if one.version == body.version
            ]
            if not found:
                raise not_found("version")
            if found[0].status == "draft":
                raise conflict("version_is_draft", "A draft is not in force; delete it instead.", state="draft")
            if found[0].status == "active":
                await policy_versions.retire(conn, name, body.version, principal.key_id)
                await policy_versions.raise_revision(conn, name)
                await policy_assignments.want_review(conn, policy=name)
        view = await parts.detail(name)
        set_etag(response, view.revision)
        return ActivatedView(**dict(view), warnings=_left_without(view))


def _left_without(view: PolicyDetail) -> list[WarningView]:
    """What decides instead for those that follow a policy of which nothing is in force."""
    if view.in_force or not view.assignments:
        return []
    words = (
        f"{view.assignments} assignment(s) follow it and no version is in force now: for a SKU or a category"
        " the next wider scope decides, for the default first come first served."
    )
    return [WarningView(pointer="/in_force", detail=words)]


def _overlaps(active: Sequence[VersionView], activated: int | None) -> list[WarningView]:
    """The other seasons that are open while the one is that was activated, and what decides meanwhile."""
    seasons = {one.version: one for one in active if one.valid_until is not None}
    own = seasons.get(activated or 0)
    if own is None:
        return []
    warnings = []
    for position, other in enumerate(active):
        if other.version == own.version or other.version not in seasons:
            continue
        shared = Window(own.valid_from, own.valid_until).shared(Window(other.valid_from, other.valid_until))
        if shared is not None:
            begin, end = (moment.isoformat() if moment else "" for moment in shared)
            meanwhile = f"from {begin} until {end}" if begin else f"until {end}"
            words = (
                f"Version {other.version} is a season too, and both are open {meanwhile}:"
                f" version {max(own.version, other.version)}, the newer one, decides meanwhile."
            )
            warnings.append(WarningView(pointer=f"/active/{position}", detail=words))
    return warnings


def _advice(name: str, active: Sequence[VersionView], activated: int | None, tiers: Sequence[str]) -> list[WarningView]:
    """What ``validate`` warns of, by its place in this answer."""
    return [
        WarningView(pointer=f"/active/{position}/policy{one.pointer}", detail=one.detail)
        for position, version in enumerate(active)
        if version.version == activated
        for one in policy_advice.warnings(version.policy.policy(name, tiers), tiers)
    ]


def _check_window(body: ActivateBody, now: datetime) -> None:
    if body.valid_until is None:
        return
    if body.valid_until <= now:
        raise unprocessable([FieldError("/valid_until", "It has passed already; give a later moment.")])
    if body.valid_from is not None and body.valid_from >= body.valid_until:
        raise unprocessable([FieldError("/valid_until", "It must be later than valid_from.")])


def _is_active(versions: Sequence[Version], version: int | None, window: Window) -> bool:
    """Whether this was done already: the answer of the first time was lost."""
    return any(one.version == version and one.status == "active" and one.window == window for one in versions)


def _sound_draft(versions: Sequence[Version], version: int | None) -> Version:
    draft = next((one for one in versions if one.status == "draft"), None)
    if draft is None:
        raise conflict("no_draft", "There is no draft to put in force; write one first.")
    if version is not None and version != draft.version:
        raise conflict("other_draft", f"The draft is version {draft.version}; read it again.", version=draft.version)
    faults = validate(draft.policy)
    if faults:
        errors = [FieldError(fault.pointer, fault.detail) for fault in faults]
        raise unprocessable(errors, f"The draft has {len(faults)} fault(s); the pointers are places in it.")
    return draft


def _add_reads(api: APIRouter, parts: PolicyParts) -> None:
    @api.get(f"{PATH}/history", name="list_policy_history", summary="The versions of a policy, newest first")
    async def history(
        principal: Writer, name: NamePath, page: PageParams, request: Request, response: Response
    ) -> Page[HistoryEntry]:
        """Who wrote, activated and retired each of them, when, and what it changed."""
        after = page.after(int)
        now = await parts.now()
        # No number of a version is larger; one that is was not our cursor's.
        before = min(after[0], 2**31 - 1) if after else None
        async with parts.database.reading() as conn:
            if await policy_versions.read_revision(conn, name) is None:
                raise not_found("policy")
            found = await policy_versions.read_versions(conn, name, retired=True, before=before, limit=page.limit + 1)
        cursor = encode_cursor(found[page.limit - 1].version) if len(found) > page.limit else None
        link_header(response, request, cursor)
        entries = []
        for position, one in enumerate(found[: page.limit]):
            before_it = found[position + 1].content if position + 1 < len(found) else None
            made = list(changes(before_it, one.content)) if before_it is not None else []
            entries.append(HistoryEntry.with_changes(one, now, made))
        return Page(data=entries, next_cursor=cursor)

    @api.get(PATH, name="get_policy", summary="A policy with its active versions and its draft")
    async def get_policy(principal: Writer, name: NamePath, response: Response) -> PolicyDetail:
        """What is in force changes with time too, without a new revision."""
        view = await parts.detail(name)
        set_etag(response, view.revision)
        return view
