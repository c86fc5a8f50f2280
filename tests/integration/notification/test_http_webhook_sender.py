"""One signed call: to the address that was checked, limited in time, never redirected."""

import asyncio
from datetime import UTC, datetime

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from notification_service.adapters.http_webhook_sender import HttpWebhookSender, signed_headers
from notification_service.application.webhooks.signing_secret import new_signing_secret

BODY = '{"type":"OrderPlaced","name":"Größe"}'


@pytest.fixture
def sender():
    return HttpWebhookSender(timeout=60, allow_localhost=True)


async def test_a_call_is_signed_as_the_specification_says(sender, sink):
    secret = new_signing_secret()
    response = await sender.send(sink.url, "event-1", BODY, [secret])
    assert (response.accepted, response.status, response.error) == (True, 200, None)
    headers, body = sink.requests[0]
    assert headers["webhook-id"] == "event-1"
    assert headers["content-type"] == "application/json"
    assert Webhook(secret).verify(body, headers)["type"] == "OrderPlaced"
    with pytest.raises(WebhookVerificationError):
        Webhook(new_signing_secret()).verify(body, headers)


def test_two_secrets_both_sign():
    old, new = new_signing_secret(), new_signing_secret()
    headers = signed_headers("event-1", BODY, [new, old], datetime.now(UTC))
    assert len(headers["webhook-signature"].split(" ")) == 2
    for secret in (old, new):
        Webhook(secret).verify(BODY, headers)


async def test_without_a_secret_nothing_is_sent(sender, sink):
    response = await sender.send(sink.url, "event-1", BODY, [])
    assert (response.accepted, response.status, response.error) == (False, None, "no secret to sign with can be read")
    assert sink.requests == []


async def test_an_endpoint_that_hangs_is_left_after_the_limit(sink):
    sink.hanging.add("/hook")
    impatient = HttpWebhookSender(timeout=0.1, allow_localhost=True)
    async with asyncio.timeout(60):
        response = await impatient.send(sink.url, "event-1", BODY, [new_signing_secret()])
    assert (response.accepted, response.status, response.error) == (False, None, "no answer within 0.1 s")


async def test_a_redirect_is_a_failure_and_not_followed(sender, sink):
    sink.mode = "302"
    response = await sender.send(sink.url, "event-1", BODY, [new_signing_secret()])
    assert (response.accepted, response.status, response.error) == (False, 302, "redirects are not followed")
    assert [headers["path"] for headers, _ in sink.requests] == ["/hook"]


async def test_the_body_of_a_response_is_not_read(sender, sink):
    sink.mode = "endless"
    # Reading it would take until the limit, and would then be an error.
    assert (await sender.send(sink.url, "event-1", BODY, [new_signing_secret()])).accepted


async def test_a_server_error_is_named_by_its_status(sender, sink):
    sink.mode = "500"
    response = await sender.send(sink.url, "event-1", BODY, [new_signing_secret()])
    assert (response.status, response.error) == (500, "answered 500")


async def test_nobody_listening_is_an_error_in_words(sender, unused_tcp_port):
    response = await sender.send(f"http://127.0.0.1:{unused_tcp_port}/", "event-1", BODY, [new_signing_secret()])
    assert (response.status, response.error) == (None, "no connection")


@pytest.mark.parametrize("address", ["10.0.0.1", "169.254.169.254", "::ffff:127.0.0.1", "64:ff9b::a00:1", "fec0::1"])
async def test_a_name_that_resolves_to_a_private_address_is_not_called(address):
    async def resolver(host, port):
        return ["8.8.8.8", address]

    response = await HttpWebhookSender(timeout=60, resolver=resolver).send(
        "https://shop.example.com/", "event-1", BODY, [new_signing_secret()]
    )
    assert response.error == "address refused: the host has a private or special address"


async def test_the_connection_goes_to_the_address_that_was_checked(sink):
    asked = []

    async def rebinding(host, port):
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["10.0.0.1"]

    sender = HttpWebhookSender(timeout=60, allow_localhost=True, resolver=rebinding)
    url = sink.url.replace("127.0.0.1", "shop.localhost")
    response = await sender.send(url, "event-1", BODY, [new_signing_secret()])
    assert response.accepted
    assert asked == ["shop.localhost"]
    headers, _ = sink.requests[0]
    assert headers["host"] == url.removeprefix("http://").removesuffix("/hook")


async def test_proxies_of_the_environment_are_not_used(sender, sink, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    assert (await sender.send(sink.url, "event-1", BODY, [new_signing_secret()])).accepted
