"""Contacts: how to reach customers."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Contact:
    """How to reach a person, and how to write to them. Personal data: never in events or logs."""

    contact_id: str
    email: str = field(repr=False)
    locale: str
    time_zone: str
    version: int
    created_at: datetime
    updated_at: datetime


class ContactNotFound(Exception):
    """There is no contact ``contact_id``."""

    def __init__(self, contact_id: str) -> None:
        super().__init__(contact_id)
        self.contact_id = contact_id
