"""Settings of the keys that encrypt the secrets of webhook endpoints."""

import pytest
from pydantic import ValidationError
from tests.unit.notification.test_mail_settings import REQUIRED

from notification_service.config import NotificationSettings

OLD, NEW = "o" * 40, "n" * 40


def test_the_current_key_comes_first() -> None:
    settings = NotificationSettings.model_validate(
        {**REQUIRED, "webhook_secret_key": NEW, "webhook_old_secret_keys": [OLD]}
    )
    assert settings.webhook_keys == [NEW, OLD]


def test_old_keys_without_a_current_one_stop_the_service_at_its_start() -> None:
    with pytest.raises(ValidationError, match="NOTIFICATION_WEBHOOK_SECRET_KEY is not"):
        NotificationSettings.model_validate({**REQUIRED, "webhook_old_secret_keys": [OLD]})
