"""Webhooks never go into the service's own network."""

import pytest

from notification_service.domain.webhook_targets import TargetRefused, check_address, check_url

PRIVATE = [
    "0.0.0.0",  # noqa: S104 - an address to be refused, not one to listen on
    "10.1.2.3",
    "100.64.0.1",
    "127.0.0.1",
    "127.255.255.254",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.8",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.7",
    "203.0.113.9",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::7f00:1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:db8::1",
    "2002:7f00:1::1",
    "2002:a00:1::",
    "fc00::1",
    "fd12::1",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
    "3fff::1",
    "5f00::1",
]


@pytest.mark.parametrize("address", PRIVATE)
def test_private_and_special_addresses_are_refused(address: str) -> None:
    with pytest.raises(TargetRefused):
        check_address(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_public_addresses_are_accepted(address: str) -> None:
    check_address(address)


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "::ffff:127.0.0.1"])
def test_local_mode_reaches_this_host(address: str) -> None:
    check_address(address, allow_localhost=True)


@pytest.mark.parametrize("address", ["10.0.0.1", "169.254.169.254", "192.168.0.1", "fe80::1", "0.0.0.0", "::"])  # noqa: S104
def test_local_mode_reaches_nothing_but_this_host(address: str) -> None:
    with pytest.raises(TargetRefused):
        check_address(address, allow_localhost=True)


@pytest.mark.parametrize(
    "url",
    [
        "http://shop.example.com/hook",
        "ftp://shop.example.com",
        "//shop.example.com",
        "shop.example.com",
        "https://",
        "https://user:secret@shop.example.com",
        "https://shop.example.com/#part",
        "https://shop.example.com/a b",
        "https://shop.example.com:99999/",
        "https://localhost/hook",
        "https://localhost./hook",
        "https://app.localhost/",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://10.0.0.8/",
        "https://[fd00::1]/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://intranet/",
        "https://db.internal/",
        "https://printer.local/",
    ],
)
def test_urls_that_must_not_be_called_are_refused(url: str) -> None:
    with pytest.raises(TargetRefused):
        check_url(url)


def test_a_public_https_url_is_accepted_with_its_port() -> None:
    target = check_url("https://shop.example.com:8443/hook?a=1")
    assert (target.scheme, target.host, target.port) == ("https", "shop.example.com", 8443)


def test_plain_http_is_for_this_host_in_local_mode_only() -> None:
    assert check_url("http://127.0.0.1:9000/", allow_localhost=True).port == 9000
    with pytest.raises(TargetRefused):
        check_url("http://shop.example.com/", allow_localhost=True)
