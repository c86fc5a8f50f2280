"""Bodies of ``/v1/contacts``."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo, available_timezones

from email_validator import EmailNotValidError, validate_email
from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from notification_service.application.locales import parse_locale
from notification_service.domain.contacts import Contact
from notification_service.domain.mail_addresses import usable_address
from service_kit.http.models import RequestModel, ResponseModel

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
        description="BCP 47 tag. Texts exist in English and German; for other languages they are in English",
        examples=["de-AT"],
    )
    time_zone: str = Field(
        default="UTC",
        max_length=60,
        description="IANA time zone by which dates are written",
        examples=["Europe/Vienna"],
    )

    @field_validator("email")
    @classmethod
    def _address(cls, value: str) -> str:
        try:
            # Whether the domain takes mail shows when a mail is sent; names reserved for tests (.test) are valid too.
            address = validate_email(value, check_deliverability=False, test_environment=True).normalized
        except EmailNotValidError:
            # The library's own message quotes the address.
            raise PydanticCustomError("email", "Not a valid e-mail address") from None
        if not usable_address(address):
            raise PydanticCustomError("email", "Not an e-mail address that a mail can be sent to")
        return address

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


def contact_view(contact: Contact) -> ContactView:
    """A contact as it is shown."""
    return ContactView(
        contact_id=contact.contact_id,
        email=contact.email,
        locale=contact.locale,
        time_zone=contact.time_zone,
        version=contact.version,
        created_at=contact.created_at,
        updated_at=contact.updated_at,
    )
