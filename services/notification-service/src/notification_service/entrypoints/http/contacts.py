"""``/v1/contacts``."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo, available_timezones

from email_validator import EmailNotValidError, validate_email
from fastapi import APIRouter, Path, Request, Response
from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from notification_service.adapters.rendering import parse_locale
from notification_service.application.contacts import PutContact, erase_contact, put_contact, read_contact
from notification_service.application.ports import UnitOfWorkFactory
from notification_service.application.records import Contact
from service_kit.http.api_keys import Principal
from service_kit.http.authentication import require
from service_kit.http.conditional import IfMatch, matches_version, not_modified, not_modified_response, set_etag
from service_kit.http.fields import Name
from service_kit.http.models import RequestModel, ResponseModel
from service_kit.runtime.clock import Clock

ContactId = Annotated[
    Name, Path(description="The caller's own id of the contact, as orders name it", examples=["customer-4711"])
]
Writer = Annotated[Principal, require("contacts:write")]

_ZONES = frozenset(available_timezones())


class ContactBody(RequestModel):
    """How to reach a customer, and how to write to them."""

    email: str = Field(
        min_length=3,
        max_length=254,
        description="An e-mail address",
        examples=["ada@example.com"],
        json_schema_extra={"format": "email"},
    )
    locale: str = Field(
        default="en",
        min_length=2,
        max_length=35,
        description="BCP 47 tag. Texts exist in English and German; other languages are written to in English",
        examples=["de-AT"],
    )
    time_zone: str = Field(
        default="UTC", max_length=60, description="IANA time zone in which days are told", examples=["Europe/Vienna"]
    )

    @field_validator("email")
    @classmethod
    def _address(cls, value: str) -> str:
        try:
            # Whether the domain takes mail is found out by sending; names for tests (.test) are addresses too.
            return validate_email(value, check_deliverability=False, test_environment=True).normalized
        except EmailNotValidError:
            # The library's own words quote the address.
            raise PydanticCustomError("email", "Not a valid e-mail address") from None

    @field_validator("locale")
    @classmethod
    def _locale(cls, value: str) -> str:
        try:
            return str(parse_locale(value)).replace("_", "-")
        except ValueError:
            raise PydanticCustomError("locale", "Not a known locale: use a BCP 47 tag such as de-AT") from None

    @field_validator("time_zone")
    @classmethod
    def _zone(cls, value: str) -> str:
        if value not in _ZONES:
            raise PydanticCustomError("time_zone", "Not a known IANA time zone such as Europe/Vienna")
        return ZoneInfo(value).key


class ContactView(ResponseModel):
    """A contact as it is stored."""

    contact_id: str = Field(examples=["customer-4711"])
    email: str = Field(examples=["ada@example.com"])
    locale: str = Field(examples=["de-AT"])
    time_zone: str = Field(examples=["Europe/Vienna"])
    version: int = Field(examples=[7])
    created_at: datetime
    updated_at: datetime


def _view(contact: Contact) -> ContactView:
    return ContactView(
        contact_id=contact.contact_id,
        email=contact.email,
        locale=contact.locale,
        time_zone=contact.time_zone,
        version=contact.version,
        created_at=contact.created_at,
        updated_at=contact.updated_at,
    )


def contact_routes(uow: UnitOfWorkFactory, clock: Clock) -> APIRouter:
    """The routes of contacts."""
    router = APIRouter(prefix="/v1/contacts", tags=["contacts"])
    created: dict[int | str, dict[str, Any]] = {201: {"model": ContactView, "description": "The contact is new"}}

    @router.put("/{contact_id}", summary="Create or replace a contact", responses=created)
    async def put_contact_by_id(
        principal: Writer, contact_id: ContactId, body: ContactBody, response: Response, if_match: IfMatch = None
    ) -> ContactView:
        """Orders with messages that waited for this contact are told as they stand now."""
        command = PutContact(contact_id, body.email, body.locale, body.time_zone)
        contact, new = await put_contact(uow, clock, command, lambda found: matches_version(if_match, found.version))
        response.status_code = 201 if new else 200
        set_etag(response, contact.version)
        return _view(contact)

    @router.get("/{contact_id}", summary="Read a contact", response_model=ContactView)
    async def get_contact(
        principal: Writer, contact_id: ContactId, request: Request, response: Response
    ) -> ContactView | Response:
        """`If-None-Match` with the last ETag answers 304."""
        contact = await read_contact(uow, contact_id)
        if not_modified(request, contact.version):
            return not_modified_response(contact.version)
        set_etag(response, contact.version)
        return _view(contact)

    @router.delete("/{contact_id}", summary="Erase a contact", status_code=204)
    async def erase_contact_by_id(principal: Writer, contact_id: ContactId, if_match: IfMatch = None) -> None:
        """Removes the contact, and recipient, subject and texts of every message to it, for good.

        Messages not yet sent end as failed with the reason `contact_erased`.
        """
        await erase_contact(uow, clock, contact_id, lambda found: matches_version(if_match, found.version))

    return router
