"""``/v1/contacts``."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response

from notification_service.application.contacts.erase_contact import erase_contact
from notification_service.application.contacts.get_contact import get_contact as get_contact_by_id
from notification_service.application.contacts.put_contact import PutContact, put_contact
from notification_service.entrypoints.http.contact_schemas import ContactBody, ContactView, contact_view
from notification_service.entrypoints.http.dependencies import Application
from service_kit.commands.execute import execute, read
from service_kit.http.api_keys import Principal
from service_kit.http.authentication import require
from service_kit.http.conditional import IfMatch, expected_version, not_modified, not_modified_response, set_etag
from service_kit.http.fields import Name, PersonId

router = APIRouter(prefix="/v1/contacts", tags=["contacts"])

ContactId = Annotated[
    Name, Path(description="The caller's own id of the contact, as orders name it", examples=["customer-4711"])
]
NewContactId = Annotated[
    PersonId, Path(description="The caller's own id of the contact, not an e-mail address", examples=["customer-4711"])
]
Writer = Annotated[Principal, require("contacts:write")]

_CREATED: dict[int | str, dict[str, Any]] = {201: {"model": ContactView, "description": "The contact is new"}}


@router.put("/{contact_id}", summary="Create or replace a contact", responses=_CREATED)
async def put_contact_by_id(
    principal: Writer,
    *,
    app: Application,
    contact_id: NewContactId,
    body: ContactBody,
    response: Response,
    if_match: IfMatch = None,
) -> ContactView:
    """Messages that waited for this contact are sent: one for each order, which says how it stands now."""
    command = PutContact(contact_id, body.email, body.locale, body.time_zone, expected_version(if_match))
    put = await execute(app.units, put_contact, command)
    response.status_code = 201 if put.created else 200
    set_etag(response, put.contact.version)
    return contact_view(put.contact)


@router.get("/{contact_id}", summary="Read a contact", response_model=ContactView)
async def get_contact(
    principal: Writer, app: Application, contact_id: ContactId, request: Request, response: Response
) -> ContactView | Response:
    """`If-None-Match` with the last ETag answers 304."""
    contact = await read(app.units, get_contact_by_id, contact_id)
    if not_modified(request, contact.version):
        return not_modified_response(contact.version)
    set_etag(response, contact.version)
    return contact_view(contact)


@router.delete("/{contact_id}", summary="Erase a contact", status_code=204)
async def erase_contact_by_id(
    principal: Writer, app: Application, contact_id: ContactId, if_match: IfMatch = None
) -> None:
    """Removes the contact, and recipient, subject and texts of every message to it, for good.

    Messages that have not been sent fail with the reason `contact_erased`.
    """
    await execute(app.units, erase_contact, contact_id, expected_version(if_match))
