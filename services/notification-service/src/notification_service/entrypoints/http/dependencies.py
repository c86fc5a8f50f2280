"""What endpoints declare as parameters: the application, and the caller's part of the notifications."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from notification_service.application.notifications.read_notifications import Viewer
from notification_service.bootstrap import NotificationApplication
from service_kit.http.api_keys import Principal


async def _application(request: Request) -> NotificationApplication:
    application: NotificationApplication = request.app.state.application
    return application


Application = Annotated[NotificationApplication, Depends(_application)]
"""The wired application."""


def viewer_of(principal: Principal) -> Viewer:
    """Which notifications the caller may see: the key of a customer is for that one's. Tracking links see none."""
    return Viewer(principal.customer_id)
