"""ETags from versions: conditional reads (304) and conditional changes (412, 428)."""

from __future__ import annotations

from typing import Annotated

from fastapi import Header, Request, Response

from service_kit.commands.expected_version import ExpectedVersion
from service_kit.http.problems import precondition_required

IfMatch = Annotated[
    str | None,
    Header(description="ETag of the version that the change is based on", examples=['"3"']),
]
"""The optional header ``If-Match``; :func:`expected_version` reads it."""

RequiredIfMatch = Annotated[
    str | None,
    Header(description="Required. ETag of the version that the change is based on", examples=['"3"']),
]
"""As :data:`IfMatch`, for changes that are answered with 428 without the header."""


def etag(version: int) -> str:
    """The strong ETag of a resource's version."""
    return f'"{version}"'


def set_etag(response: Response, version: int) -> None:
    """Set the response's ETag to the version that it shows."""
    response.headers["ETag"] = etag(version)


def tags(header: str) -> set[str]:
    """The tags that a header names, a weak one as the strong one of the same version.

    A proxy that compresses turns our tags into weak ones. The version in them is still the same.
    """
    return {tag.strip().removeprefix("W/") for tag in header.split(",")}


def named_versions(if_match: str) -> frozenset[int] | None:
    """The versions that ``If-Match`` names; None if it names every one. A tag that is none of ours names none."""
    named = {tag.strip('"') for tag in tags(if_match)}
    if "*" in named:
        return None
    return frozenset(int(tag) for tag in named if tag.isascii() and tag.isdigit() and len(tag) < 19)


def expected_version(if_match: str | None, *, required: bool = False) -> ExpectedVersion | None:
    """What ``If-Match`` expects, for :func:`service_kit.commands.expected_version.check_version`.

    Problem 428 where the header is absent and ``required``. A tag that is none of ours names no version, so
    that the change is refused as outdated.
    """
    if if_match is None:
        if required:
            raise precondition_required()
        return None
    return ExpectedVersion(named_versions(if_match))


def not_modified(request: Request, version: int) -> bool:
    """Whether ``If-None-Match`` names this version, so that 304 is the answer."""
    header = request.headers.get("If-None-Match")
    if header is None:
        return False
    return not {"*", etag(version)}.isdisjoint(tags(header))


def not_modified_response(version: int) -> Response:
    """The response 304, with the ETag and without a body."""
    return Response(status_code=304, headers={"ETag": etag(version)})
