"""Settings of the mail server: a password is never sent in the clear, and the sender is an address."""

import pytest
from pydantic import ValidationError

from notification_service.adapters.smtp_mailer import LoginWithoutTls, MailServer
from notification_service.bootstrap import _mail_server
from notification_service.config import NotificationSettings

REQUIRED: dict[str, str | bool] = {
    "database_url": "postgresql+asyncpg://x/y",
    "kafka_bootstrap": "x:9092",
    "keyring_path": "keyring.json",
}


def settings(**values: str | bool) -> NotificationSettings:
    return NotificationSettings.model_validate(REQUIRED | values)


def test_a_login_needs_tls() -> None:
    with pytest.raises(ValidationError, match="smtp_username needs smtp_starttls or smtp_tls"):
        settings(smtp_username="shop", smtp_password="secret")
    with pytest.raises(LoginWithoutTls):
        MailServer("mail.example", 25, "s@shop.example", username="shop")


@pytest.mark.parametrize("how", ["starttls", "tls"])
def test_a_login_over_tls_reaches_the_mailer_as_it_was_set(how):
    server = _mail_server(settings(smtp_username="shop", smtp_ca_path="/ca.pem", **{f"smtp_{how}": True}))
    assert (server.starttls, server.tls) == (how == "starttls", how == "tls")
    assert (server.username, server.ca_path) == ("shop", "/ca.pem")


def test_starttls_and_tls_exclude_each_other() -> None:
    with pytest.raises(ValidationError, match="not both"):
        settings(smtp_starttls=True, smtp_tls=True)


@pytest.mark.parametrize("sender", ["Shop", "", "a@x.example\nBcc: b@x.example", "=?utf-8?q?x?=@shop.example", "a b@c"])
def test_a_sender_that_is_no_address_stops_the_service_at_its_start(sender):
    with pytest.raises(ValidationError, match=r"mail_from[\s\S]*must be an address"):
        settings(mail_from=sender)
