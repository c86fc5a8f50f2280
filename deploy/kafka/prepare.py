"""Make the topics, and give each service's principal the rights it needs and no others.

Runs once before the services, signed in as the broker's administrator, and is safe to repeat: what exists
stays, and a right that a service's principal has beyond `access.json` is taken away. Rights of principals
that are not named there, such as other systems that read the topics, are left alone.

Usage: prepare.py ACCESS_FILE, with BACKORDER_KAFKA_BOOTSTRAP (host:port), BACKORDER_KAFKA_ADMIN_PASSWORD_FILE and
BACKORDER_KAFKA_CA_FILE (the broker's certificate authority) in the environment.
"""

from __future__ import annotations

import asyncio
import json
import os
import ssl
import sys
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError
from aiokafka.protocol.admin import CreateAclsRequest, DeleteAclsRequest, DescribeAclsRequest

# Numbers of the protocol. Read and Write imply Describe.
TOPIC, GROUP = 2, 3
READ, WRITE = 3, 4
_LITERAL, _ALLOW, _ANY = 3, 3, 1
_ALREADY_EXISTS = 36
_UNNAMED: Any = None  # the client's annotations leave out that a filter may name nothing

_PATIENCE = 60.0


class Right(NamedTuple):
    """`principal` may do `operation` on the resource of exactly this name, from anywhere."""

    principal: str
    resource: int
    name: str
    operation: int
    pattern: int = _LITERAL
    host: str = "*"
    permission: int = _ALLOW

    def entry(self) -> tuple[int, str, int, str, str, int, int]:
        """In the protocol's order."""
        return self.resource, self.name, self.pattern, self.principal, self.host, self.operation, self.permission


class NotPrepared(RuntimeError):
    """The broker refused a part of the work; the message says which and why."""


def dead_letter_topics(access: Mapping[str, Any]) -> dict[str, list[str]]:
    """Service → the topics for what it could not handle, `<topic>.<group>.dlq`."""
    return {
        service: [f"{topic}.{service}.dlq" for topic in duties["reads"]]
        for service, duties in access["services"].items()
    }


def rights(access: Mapping[str, Any]) -> set[Right]:
    """What the services need: send their own events and dead letters, read what they handle as their own group."""
    letters = dead_letter_topics(access)
    wanted: set[Right] = set()
    for service, duties in access["services"].items():
        principal = f"User:{service}"
        wanted |= {Right(principal, TOPIC, topic, WRITE) for topic in (*duties["writes"], *letters[service])}
        wanted |= {Right(principal, TOPIC, topic, READ) for topic in duties["reads"]}
        wanted.add(Right(principal, GROUP, service, READ))
    return wanted


async def prepare(bootstrap: str, password: str, authority: Path, access: Mapping[str, Any]) -> str:
    """Bring the broker at `bootstrap` to what `access` says; what was changed, as a sentence."""
    admin = await _signed_in(bootstrap, password, authority)
    try:
        made = await _create_topics(admin, access)
        wanted, present = rights(access), await _service_rights(admin, access)
        for right in sorted(wanted - present):
            await _request(admin, CreateAclsRequest(*right.entry()))
        for right in sorted(present - wanted):
            await _request(admin, DeleteAclsRequest(*right.entry()))
        await _until_in_force(admin, access, wanted)
    finally:
        await admin.close()
    return (
        f"created {', '.join(made) or 'no topics'}; gave {len(wanted - present)} rights, "
        f"took away {len(present - wanted)}"
    )


async def _signed_in(bootstrap: str, password: str, authority: Path) -> AIOKafkaAdminClient:
    """An administrator's client, as soon as the broker answers one."""
    deadline = time.monotonic() + _PATIENCE
    while True:
        admin = AIOKafkaAdminClient(
            bootstrap_servers=bootstrap,
            security_protocol="SASL_SSL",
            ssl_context=ssl.create_default_context(cafile=authority),
            sasl_mechanism="SCRAM-SHA-512",
            sasl_plain_username="admin",
            sasl_plain_password=password,
        )
        try:
            await admin.start()
            return admin
        except KafkaError:
            await admin.close()
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.5)


async def _create_topics(admin: AIOKafkaAdminClient, access: Mapping[str, Any]) -> list[str]:
    """Make what is missing. Dead letters have one partition: people read them, in order of arrival."""
    letters = [topic for topics in dead_letter_topics(access).values() for topic in topics]
    wanted = dict.fromkeys(access["topics"], access["partitions"]) | dict.fromkeys(letters, 1)
    answer = await admin.create_topics([NewTopic(name, count, 1) for name, count in wanted.items()], timeout_ms=30_000)
    # The call does not raise: each topic's fate is in the answer.
    outcomes = answer.to_object()["topic_errors"]
    if refused := [told for told in outcomes if told["error_code"] not in (0, _ALREADY_EXISTS)]:
        raise NotPrepared("; ".join(f"{told['topic']}: {told['error_message']}" for told in refused))
    return [told["topic"] for told in outcomes if told["error_code"] == 0]


async def present_rights(admin: AIOKafkaAdminClient) -> set[Right]:
    """Every right that the broker knows of."""
    answer = await _request(admin, DescribeAclsRequest(_ANY, _UNNAMED, _ANY, _UNNAMED, _UNNAMED, _ANY, _ANY))
    return {_right(resource, entry) for resource in answer["resources"] for entry in resource["acls"]}


async def _service_rights(admin: AIOKafkaAdminClient, access: Mapping[str, Any]) -> set[Right]:
    """Those of the services' principals."""
    return {
        right for right in await present_rights(admin) if right.principal.removeprefix("User:") in access["services"]
    }


async def _until_in_force(admin: AIOKafkaAdminClient, access: Mapping[str, Any], wanted: set[Right]) -> None:
    """Return once the broker judges by the rights: it acknowledges a change a moment before it follows it."""
    deadline = time.monotonic() + _PATIENCE
    while (present := await _service_rights(admin, access)) != wanted:
        if time.monotonic() > deadline:
            raise NotPrepared(f"these rights did not change within {_PATIENCE:.0f} s: {sorted(present ^ wanted)}")
        await asyncio.sleep(0.1)


def _right(resource: Mapping[str, Any], entry: Mapping[str, Any]) -> Right:
    return Right(
        principal=entry["principal"],
        resource=resource["resource_type"],
        name=resource["resource_name"],
        operation=entry["operation"],
        pattern=resource["resource_pattern_type"],
        host=entry["host"],
        permission=entry["permission_type"],
    )


async def _request(admin: AIOKafkaAdminClient, request: Any) -> dict[str, Any]:
    """Send what the client has no method for. Raises NotPrepared where the answer tells of an error."""
    response = (await admin._send_request(request)).to_object()
    told: Iterable[dict[str, Any]] = [response, *_parts(response)]
    if errors := [part for part in told if part.get("error_code")]:
        raise NotPrepared(f"{type(request).__name__}: {errors}")
    return dict(response)


def _parts(response: Mapping[str, Any]) -> Iterable[dict[str, Any]]:
    """The answer's parts that may carry an error of their own."""
    return [part for value in response.values() if isinstance(value, list) for part in value if isinstance(part, dict)]


def main(arguments: list[str]) -> int:
    """Do the work and say what was done."""
    access = json.loads(Path(arguments[0]).read_text())
    password = Path(os.environ["BACKORDER_KAFKA_ADMIN_PASSWORD_FILE"]).read_text().strip()
    authority = Path(os.environ["BACKORDER_KAFKA_CA_FILE"])
    done = asyncio.run(prepare(os.environ["BACKORDER_KAFKA_BOOTSTRAP"], password, authority, access))
    sys.stdout.write(done + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
