"""One signed call: pinned, bounded, never redirected."""

import time
from datetime import UTC, datetime

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from notification_service.adapters.webhook_client import HttpWebhookSender, signed_headers
from notification_service.application.webhooks import new_secret

BODY = '{"type":"OrderPlaced","name":"Größe"}'


@pytest.fixture
def sender():
    return HttpWebhookSender(timeout=0.5, allow_localhost=True)


async def test_a_call_is_signed_as_the_specification_says(sender, sink):
    secret = new_secret()
    answer = await sender.send(sink.url, "event-1", BODY, [secret])
    assert (answer.accepted, answer.status, answer.error) == (True, 200, None)
    headers, body = sink.requests[0]
    assert headers["webhook-id"] == "event-1"
    assert headers["content-type"] == "application/json"
    assert Webhook(secret).verify(body, headers)["type"] == "OrderPlaced"
    with pytest.raises(WebhookVerificationError):
        Webhook(new_secret()).verify(body, headers)


def test_two_living_secrets_both_sign():
    old, new = new_secret(), new_secret()
    headers = signed_headers("event-1", BODY, [new, old], datetime.now(UTC))
    assert len(headers["webhook-signature"].split(" ")) == 2
    for secret in (old, new):
        Webhook(secret).verify(BODY, headers)


async def test_an_endpoint_that_hangs_is_left_after_the_limit(sender, sink):
    sink.mode = "hang"
    started = time.monotonic()
    answer = await sender.send(sink.url, "event-1", BODY, [new_secret()])
    assert time.monotonic() - started < 2
    assert (answer.accepted, answer.status, answer.error) == (False, None, "no answer within 0.5 s")


async def test_a_redirect_is_a_failure_and_not_followed(sender, sink):
    sink.mode = "302"
    answer = await sender.send(sink.url, "event-1", BODY, [new_secret()])
    assert (answer.accepted, answer.status, answer.error) == (False, 302, "redirects are not followed")
    assert [headers["path"] for headers, _ in sink.requests] == ["/hook"]


async def test_an_endless_answer_is_not_read(sender, sink):
    sink.mode = "endless"
    answer = await sender.send(sink.url, "event-1", BODY, [new_secret()])
    assert answer.accepted
    assert answer.seconds < 0.4


async def test_a_server_error_is_told_by_its_status(sender, sink):
    sink.mode = "500"
    answer = await sender.send(sink.url, "event-1", BODY, [new_secret()])
    assert (answer.status, answer.error) == (500, "answered 500")


async def test_nobody_listening_is_an_error_in_words(sender, unused_tcp_port):
    answer = await sender.send(f"http://127.0.0.1:{unused_tcp_port}/", "event-1", BODY, [new_secret()])
    assert (answer.status, answer.error) == (None, "no connection")


@pytest.mark.parametrize("address", ["10.0.0.1", "169.254.169.254", "::ffff:127.0.0.1", "64:ff9b::a00:1", "fec0::1"])
async def test_a_name_that_leads_inside_is_not_called(address):
    async def resolver(host, port):
        return ["8.8.8.8", address]

    answer = await HttpWebhookSender(timeout=0.5, resolver=resolver).send(
        "https://shop.example.com/", "event-1", BODY, [new_secret()]
    )
    assert answer.error == "address refused: the host has a private or special address"


async def test_the_connection_goes_to_the_address_that_was_checked(sink):
    asked = []

    async def rebinding(host, port):
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["10.0.0.1"]

    sender = HttpWebhookSender(timeout=0.5, allow_localhost=True, resolver=rebinding)
    url = sink.url.replace("127.0.0.1", "shop.localhost")
    answer = await sender.send(url, "event-1", BODY, [new_secret()])
    assert answer.accepted
    assert asked == ["shop.localhost"]
    headers, _ = sink.requests[0]
    assert headers["host"] == url.removeprefix("http://").removesuffix("/hook")


async def test_proxies_of_the_environment_are_not_used(sender, sink, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    assert (await sender.send(sink.url, "event-1", BODY, [new_secret()])).accepted
