"""Sending notifications again because somebody asked for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from notification_service.application.ports.notifications import NewNotification
from notification_service.application.ports.unit_of_work import NotificationUnitOfWork
from notification_service.domain.notifications import CannotResend, NotificationNotFound


@dataclass(frozen=True, slots=True)
class ResendNotification:
    """Send the notification ``original_id`` once more, as ``notification_id``."""

    notification_id: str
    original_id: str


async def resend_notifications(
    uow: NotificationUnitOfWork, commands: Sequence[ResendNotification]
) -> list[str | NotificationNotFound | CannotResend]:
    """Queue copies, which say the same in the language that the contact has by then.

    For each command the id of the copy, or its refusal: NotificationNotFound, or CannotResend for one that is
    still on its way, was superseded, or whose contact is not known.
    """
    originals = await uow.notifications.lock({command.original_id for command in commands})
    known = await uow.contacts.known({original.contact_id for original in originals.values()})
    results: list[str | NotificationNotFound | CannotResend] = []
    copies: list[NewNotification] = []
    for command in commands:
        original = originals.get(command.original_id)
        if original is None:
            results.append(NotificationNotFound(command.original_id))
            continue
        try:
            original.check_resendable(contact_known=original.contact_id in known)
        except CannotResend as refusal:
            results.append(refusal)
            continue
        copies.append(
            NewNotification(
                command.notification_id,
                original.order_id,
                original.contact_id,
                original.template,
                original.cause,
                original.template_data,
                resend_of=original.notification_id,
            )
        )
        results.append(command.notification_id)
    await uow.notifications.add(copies, uow.now)
    return results
