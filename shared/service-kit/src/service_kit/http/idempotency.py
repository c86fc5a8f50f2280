"""The ``Idempotency-Key`` header and the fingerprint of a body."""

from __future__ import annotations

import hashlib
from typing import Annotated, Any

from fastapi import Depends, Header, Response
from pydantic import BaseModel

from service_kit.commands.command_batcher import Submitted
from service_kit.http.problems import Problem

REPLAYED_HEADER = "Idempotent-Replayed"
_MAX_KEY = 255


def _parse(header: str) -> str:
    value = header.strip()
    if len(value) >= 2 and value[0] == value[-1] == '"':
        # The draft standard makes it a structured-field string; most clients send it bare.
        value = value[1:-1].replace('\\"', '"').replace("\\\\", "\\")
    if not value or len(value) > _MAX_KEY or not value.isprintable():
        raise Problem(
            400,
            "idempotency_key_invalid",
            "Bad request",
            f"Idempotency-Key must be 1 to {_MAX_KEY} printable characters, quoted or bare.",
        )
    return value


def required_key(header: str | None) -> str:
    """The key in an ``Idempotency-Key`` header; Problem 400 as for :func:`idempotency_key`."""
    if header is None:
        raise Problem(
            400,
            "idempotency_key_missing",
            "Idempotency-Key is required",
            "Send an Idempotency-Key of your own; repeat it when you repeat the request.",
        )
    return _parse(header)


async def _required(
    idempotency_key: Annotated[
        str | None,
        Header(
            description="Required. A name of this one attempt, such as a UUID: repeat it when you repeat the request",
            examples=["6f1b6c1e-8a0f-4a59-9f0e-0d1f5f0a2f61"],
        ),
    ] = None,
) -> str:
    return required_key(idempotency_key)


async def _optional(
    idempotency_key: Annotated[
        str | None, Header(description="A name of this one attempt: repeat it when you repeat the request")
    ] = None,
) -> str | None:
    return None if idempotency_key is None else _parse(idempotency_key)


def idempotency_key(required: bool = True) -> Any:
    """A dependency that gives the key: ``key: Annotated[str, idempotency_key()]``.

    Problem 400 ``idempotency_key_missing`` without one where ``required``, ``idempotency_key_invalid``
    for one that is empty, too long or unprintable.
    """
    return Depends(_required if required else _optional)


def fingerprint(model: BaseModel, *context: str) -> bytes:
    """What tells one body from another under the same key; ``context`` adds path parameters and the like."""
    digest = hashlib.sha256(model.model_dump_json().encode())
    for part in context:
        digest.update(b"\0" + part.encode())
    return digest.digest()


def mark_replayed(response: Response, submitted: Submitted[Any]) -> None:
    """Give the first answer's status, and say so where this answer repeats it."""
    response.status_code = submitted.status
    if submitted.replayed:
        response.headers[REPLAYED_HEADER] = "true"
