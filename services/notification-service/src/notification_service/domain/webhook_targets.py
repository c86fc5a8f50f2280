"""Which addresses webhooks may be sent to: never any in this service's own network (server-side request forgery).

The forbidden ranges are listed here rather than left to ``ipaddress.is_global``, whose answers differ between
patch releases of Python.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit


class TargetRefused(Exception):
    """The address must not be called. ``reason`` completes "The URL …" and may be shown to the merchant."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


_DENIED_V4 = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",
        "100.64.0.0/10",  # carrier-grade NAT
        "127.0.0.0/8",
        "169.254.0.0/16",  # link-local, cloud metadata
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",  # 6to4 relay
        "192.168.0.0/16",
        "192.175.48.0/24",
        "198.18.0.0/15",  # benchmarking
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
    )
)
_DENIED_V6 = tuple(
    IPv6Network(network)
    for network in (
        "::/96",  # unspecified, loopback, IPv4-compatible
        "64:ff9b:1::/48",  # local NAT64
        "100::/64",  # discard
        "2001::/23",  # Teredo, ORCHID and other protocol assignments
        "2001:db8::/32",
        "2002::/16",  # 6to4
        "2620:4f:8000::/48",
        "3fff::/20",  # documentation
        "5f00::/16",  # segment routing
        "fc00::/7",  # unique local
        "fe80::/10",  # link-local
        "fec0::/10",  # site-local
        "ff00::/8",  # multicast
    )
)
_NAT64 = IPv6Network("64:ff9b::/96")
_LOCAL_SUFFIXES = (".localhost", ".local", ".internal", ".home.arpa")


def check_address(address: str, *, allow_localhost: bool = False) -> None:
    """Raise TargetRefused unless the IP address is on the public Internet (or is this host, where allowed)."""
    try:
        ip: IPv4Address | IPv6Address = ip_address(address.partition("%")[0])
    except ValueError:
        raise TargetRefused("not an IP address") from None
    if isinstance(ip, IPv6Address):
        if ip.ipv4_mapped is not None:
            ip = ip.ipv4_mapped
        elif ip in _NAT64:
            ip = IPv4Address(int(ip) & 0xFFFFFFFF)
    if ip.is_loopback and allow_localhost:
        return
    denied = _DENIED_V4 if isinstance(ip, IPv4Address) else _DENIED_V6
    if any(ip in network for network in denied):
        raise TargetRefused("the host has a private or special address")


@dataclass(frozen=True, slots=True)
class Target:
    """Where a request goes: scheme, host and port of a checked URL."""

    scheme: str
    host: str
    port: int


def check_url(url: str, *, allow_localhost: bool = False) -> Target:
    """The target of a webhook URL; TargetRefused says what is wrong with it. Names are not resolved here."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise TargetRefused("not a URL") from None
    host = (parts.hostname or "").rstrip(".")
    if parts.scheme not in {"http", "https"} or not host:
        raise TargetRefused("must be an absolute https URL")
    if parts.username is not None or parts.password is not None:
        raise TargetRefused("must not hold a user name or password")
    if parts.fragment:
        raise TargetRefused("must not have a fragment")
    if any(ord(character) <= 32 or ord(character) == 127 for character in url):
        raise TargetRefused("must not hold blanks or control characters")
    here = host == "localhost" or host.endswith(".localhost") or _is_loopback(host)
    if here and not allow_localhost:
        raise TargetRefused("must not name this host")
    if parts.scheme == "http" and not here:
        raise TargetRefused("must be an https URL")
    if not here:
        _check_host(host)
    return Target(parts.scheme, host, port or (443 if parts.scheme == "https" else 80))


def _check_host(host: str) -> None:
    if host.endswith(_LOCAL_SUFFIXES):
        raise TargetRefused("must not name a host of a local network")
    if ":" in host or host.replace(".", "").isdigit() or host.lower().startswith("0x"):
        check_address(host)
    elif "." not in host:
        raise TargetRefused("must name a host with its domain")


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
