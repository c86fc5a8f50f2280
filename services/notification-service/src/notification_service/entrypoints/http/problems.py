"""What the errors of the domain are answered with."""

from __future__ import annotations

from notification_service.domain.contacts import ContactNotFound
from notification_service.domain.notifications import (
    NotificationNotFound,
    NotificationNotYetSent,
    NotificationSuperseded,
    RecipientUnknown,
)
from notification_service.domain.webhook_endpoints import VersionRequired, WebhookEndpointNotFound
from notification_service.domain.webhook_targets import TargetRefused
from service_kit.http.errors import ProblemTable
from service_kit.http.problems import FieldError, Problem, conflict, not_found, precondition_required, unprocessable


def _not_yet_sent(error: NotificationNotYetSent) -> Problem:
    return conflict("notification_on_its_way", "The message has not been sent yet.", state=error.state.value)


def _superseded(error: NotificationSuperseded) -> Problem:
    words = "The message was overtaken before it was sent: a newer one told the state of the order."
    return conflict("notification_superseded", words, state=error.state.value)


def _recipient_unknown(error: RecipientUnknown) -> Problem:
    words = "The contact is not known (any more): there is nobody to send to."
    return conflict("contact_missing", words, state=error.state.value)


def _target_refused(error: TargetRefused) -> Problem:
    return unprocessable([FieldError("/url", f"The URL {error.reason}")])


PROBLEMS: ProblemTable = {
    ContactNotFound: lambda _: not_found("contact"),
    NotificationNotFound: lambda _: not_found("notification"),
    WebhookEndpointNotFound: lambda _: not_found("webhook-endpoint"),
    NotificationNotYetSent: _not_yet_sent,
    NotificationSuperseded: _superseded,
    RecipientUnknown: _recipient_unknown,
    VersionRequired: lambda _: precondition_required(),
    TargetRefused: _target_refused,
}
