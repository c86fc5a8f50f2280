"""Policies as versions: drafted, validated, put in force for good or for a season, and looked up afterwards.

Routes below a policy come first: its name may hold slashes.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from allocation_service.application.policies.activate_policy import (
    ActivatePolicy,
    RetireVersion,
    activate_policy,
    retire_version,
)
from allocation_service.application.policies.draft_policy import CreatePolicy, WriteDraft, delete_draft, write_draft
from allocation_service.application.policies.policy_changes import changes
from allocation_service.application.policies.policy_records import Window
from allocation_service.application.policies.policy_templates import templates
from allocation_service.application.policies.read_policies import (
    list_policies,
    policy_to_validate,
    read_history,
    read_policy,
)
from allocation_service.domain.policies.policy_document import written_document
from allocation_service.entrypoints.http.dependencies import Application, BusinessNow, PolicyWriter, UnitsOfWork
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
)
from allocation_service.entrypoints.http.policy_views import activation_warnings, detail, retirement_warnings, summary
from service_kit.commands.command_batcher import IdempotencyClaim
from service_kit.commands.execute import execute, read
from service_kit.http.conditional import IfMatch, RequiredIfMatch, expected_version, set_etag
from service_kit.http.idempotency import fingerprint, idempotency_key, mark_replayed
from service_kit.http.pagination import Page, PageParams, encode_cursor, link_header
from service_kit.http.responses import set_location

PATH = "/v1/policies/{name:path}"
NamePath = Annotated[PolicyName, Path(description="The policy's name, percent-encoded", examples=["black-friday"])]

router = APIRouter(tags=["Policies"])


@router.get("/v1/policy-templates", name="list_policy_templates", summary="Policies to copy from")
async def list_templates(principal: PolicyWriter, application: Application) -> TemplateList:
    """Made for the tiers of this service; none of them decides anything."""
    views = [
        TemplateView(name=one.name, summary=one.summary, policy=PolicyContent.of(one.policy))
        for one in templates(application.settings.tiers)
    ]
    return TemplateList(data=views)


@router.get("/v1/policies", name="list_policies", summary="All policies by name")
async def get_policies(
    *,
    principal: PolicyWriter,
    page: PageParams,
    request: Request,
    response: Response,
    units: UnitsOfWork,
    now: BusinessNow,
) -> Page[PolicySummary]:
    after = page.after(str)
    found, followers = await read(units, list_policies, after[0] if after else "", page.limit + 1)
    cursor = encode_cursor(found[page.limit - 1].name) if len(found) > page.limit else None
    link_header(response, request, cursor)
    rows = [summary(one, now, followers.get(one.name, 0)) for one in found[: page.limit]]
    return Page(data=rows, next_cursor=cursor)


@router.post("/v1/policies", name="create_policy", summary="Draft a new policy", status_code=201)
async def create_policy(
    *,
    principal: PolicyWriter,
    body: CreateBody,
    key: Annotated[str, idempotency_key()],
    response: Response,
    application: Application,
) -> PolicyDetail:
    """Nothing follows it until its draft is activated and it is assigned."""
    document = written_document(body.policy.policy(body.name, application.settings.tiers))
    command = CreatePolicy(body.name, document, body.note, principal.key_id)
    claim = IdempotencyClaim(principal.key_id, "create_policy", key, fingerprint(body), body.name)
    submitted = await application.policy_creations.submit(command, claim)
    view = await _shown(application, body.name)
    mark_replayed(response, submitted)
    set_location(response.headers, "policies", body.name)
    set_etag(response, view.revision)
    return view


@router.put(f"{PATH}/draft", name="put_policy_draft", summary="Write a policy's draft")
async def put_draft(
    *,
    name: NamePath,
    body: DraftBody,
    response: Response,
    principal: PolicyWriter,
    application: Application,
    if_match: RequiredIfMatch = None,
) -> PolicyDetail:
    """The whole document; needs `If-Match`. A draft may be faulty: validate it, activating asks for a sound one."""
    document = written_document(body.policy.policy(name, application.settings.tiers))
    command = WriteDraft(name, document, body.note, principal.key_id, expected_version(if_match, required=True))
    await execute(application.units, write_draft, command)
    view = await _shown(application, name)
    set_etag(response, view.revision)
    return view


@router.delete(f"{PATH}/draft", name="delete_policy_draft", summary="Throw a policy's draft away", status_code=204)
async def drop_draft(name: NamePath, principal: PolicyWriter, units: UnitsOfWork, if_match: IfMatch = None) -> None:
    await execute(units, delete_draft, name, expected_version(if_match))


@router.post(f"{PATH}/validate", name="validate_policy", summary="What is wrong with a policy, all at once")
async def validate_policy(
    *,
    principal: PolicyWriter,
    name: NamePath,
    application: Application,
    now: BusinessNow,
    body: ValidateBody | None = None,
) -> VerdictView:
    """Judges the document that is sent, else the draft, else what is in force. Changes nothing.

    A document is sent as a draft is (`{"policy": ...}`) or alone; the verdict's pointers are places in the
    policy itself.
    """
    tiers = application.settings.tiers
    if body is not None:
        await read(application.units, read_policy, name)
        content = body.policy if isinstance(body, DraftBody) else body
        return VerdictView.of(content.policy(name, tiers), tiers)
    return VerdictView.of(await read(application.units, policy_to_validate, name, now), tiers)


@router.post(f"{PATH}/activate", name="activate_policy", summary="Put a policy's draft in force")
async def activate(
    *,
    principal: PolicyWriter,
    name: NamePath,
    body: ActivateBody,
    response: Response,
    application: Application,
    now: BusinessNow,
    if_match: IfMatch = None,
) -> ActivatedView:
    """What is decided from then on follows it, in every process and without a restart; what was decided stays.

    Without `valid_until` it replaces the versions without one. With it, it stands before them until it ends;
    `warnings` name the seasons that overlap with it, and repeat what `validate` warns of.
    """
    window = Window(body.valid_from, body.valid_until)
    command = ActivatePolicy(name, body.version, window, body.note, principal.key_id, now, expected_version(if_match))
    activated = await execute(application.units, activate_policy, command)
    view = await _shown(application, name)
    set_etag(response, view.revision)
    warnings = activation_warnings(view, activated, application.settings.tiers)
    return ActivatedView(**dict(view), warnings=warnings)


@router.post(f"{PATH}/retire", name="retire_policy_version", summary="Take a version of a policy out of force")
async def retire(
    *,
    principal: PolicyWriter,
    name: NamePath,
    body: RetireBody,
    response: Response,
    application: Application,
    if_match: IfMatch = None,
) -> ActivatedView:
    """To end a promotion early, or call it off. Where no version is left, the next wider scope decides, and for
    the default first come first served; `warnings` say so if anybody follows the policy."""
    command = RetireVersion(name, body.version, principal.key_id, expected_version(if_match))
    await execute(application.units, retire_version, command)
    view = await _shown(application, name)
    set_etag(response, view.revision)
    return ActivatedView(**dict(view), warnings=retirement_warnings(view))


@router.get(f"{PATH}/history", name="list_policy_history", summary="The versions of a policy, newest first")
async def history(
    *,
    principal: PolicyWriter,
    name: NamePath,
    page: PageParams,
    request: Request,
    response: Response,
    units: UnitsOfWork,
    now: BusinessNow,
) -> Page[HistoryEntry]:
    """Who wrote, activated and retired each of them, when, and what it changed."""
    after = page.after(int)
    # No number of a version is larger; one that is was not our cursor's.
    before = min(after[0], 2**31 - 1) if after else None
    found = await read(units, read_history, name, before, page.limit + 1)
    cursor = encode_cursor(found[page.limit - 1].version) if len(found) > page.limit else None
    link_header(response, request, cursor)
    entries = []
    for position, one in enumerate(found[: page.limit]):
        before_it = found[position + 1].content if position + 1 < len(found) else None
        made = list(changes(before_it, one.content)) if before_it is not None else []
        entries.append(HistoryEntry.with_changes(one, now, made))
    return Page(data=entries, next_cursor=cursor)


@router.get(PATH, name="get_policy", summary="A policy with its active versions and its draft")
async def get_policy(
    principal: PolicyWriter, name: NamePath, response: Response, application: Application
) -> PolicyDetail:
    """What is in force changes with time too, without a new revision."""
    view = await _shown(application, name)
    set_etag(response, view.revision)
    return view


async def _shown(application: Application, name: str) -> PolicyDetail:
    now = await application.now()
    return detail(await read(application.units, read_policy, name), now)
