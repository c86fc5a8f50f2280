"""Sending a message again because somebody asked for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from notification_service.application.ports import UnitOfWork
from notification_service.application.records import NewNotification, NotificationState
from service_kit.http.problems import Problem, conflict, not_found


@dataclass(frozen=True, slots=True)
class Resend:
    """Send message ``original_id`` once more, as ``notification_id``."""

    notification_id: str
    original_id: str


async def resend(work: UnitOfWork, commands: Sequence[Resend], now: datetime) -> list[str | Problem]:
    """Queue copies that tell the same facts in the contact's present language; each answer is the new id.

    Problem 404 for an unknown message, 409 for one that is still on its way or whose contact is gone.
    """
    originals = await work.notifications.lock({command.original_id for command in commands})
    contacts = await work.contacts.known({original.contact_id for original in originals.values()})
    answers: list[str | Problem] = []
    copies: list[NewNotification] = []
    for command in commands:
        original = originals.get(command.original_id)
        if original is None:
            answers.append(not_found("notification"))
        elif original.state in {NotificationState.PENDING, NotificationState.WAITING_FOR_CONTACT}:
            words = "The message has not been sent yet."
            answers.append(conflict("notification_on_its_way", words, state=original.state.value))
        elif original.state is NotificationState.SUPERSEDED:
            words = "The message was overtaken before it was sent: a newer one told the state of the order."
            answers.append(conflict("notification_superseded", words, state=original.state.value))
        elif original.contact_id not in contacts:
            words = "The contact is not known (any more): there is nobody to send to."
            answers.append(conflict("contact_missing", words, state=original.state.value))
        else:
            copies.append(
                NewNotification(
                    command.notification_id,
                    original.order_id,
                    original.contact_id,
                    original.template,
                    original.cause,
                    original.facts,
                    resend_of=original.notification_id,
                )
            )
            answers.append(command.notification_id)
    await work.notifications.add(copies, now)
    return answers
