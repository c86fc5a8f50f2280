"""ETags from versions: conditional reads (304) and conditional changes (412, 428)."""

from __future__ import annotations

from typing import Annotated

from fastapi import Header, Request, Response

from service_kit.commands.expected_version import ExpectedVersion
from service_kit.http.problems import precondition_failed, precondition_required

IfMatch = Annotated[
    str | None,
    Header(description="ETag of the version that the change is based on", examples=['"3"']),
]
"""The optional header ``If-Match``; :func:`matches_version` checks it."""

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


def _tags(header: str) -> set[str]:
    # A proxy that compresses turns our tags into weak ones. The version in them is still the same.
    return {tag.strip().removeprefix("W/") for tag in header.split(",")}


def matches_version(if_match: str | None, version: int | None, *, required: bool = False) -> None:
    """Refuse a change that is based on an old version.

    Problem 412 if ``If-Match`` names another version, 428 if it is absent although ``required`` (PATCH). Call it with
    the version of the locked row, so that no other change comes between. ``version`` is None if the resource does not
    exist yet: no ``If-Match`` fits that, not even ``*`` (RFC 9110, section 13.1.1).
    """
    if if_match is None:
        if required:
            raise precondition_required()
        return
    tags = _tags(if_match)
    if version is None or ("*" not in tags and etag(version) not in tags):
        raise precondition_failed()


def expected_version(if_match: str | None, *, required: bool = False) -> ExpectedVersion | None:
    """What ``If-Match`` expects, for :func:`service_kit.commands.expected_version.check_version`.

    Problem 428 where the header is absent and ``required``. A tag that is none of ours names no version, so
    that the change is refused as outdated.
    """
    if if_match is None:
        if required:
            raise precondition_required()
        return None
    tags = {tag.strip('"') for tag in _tags(if_match)}
    if "*" in tags:
        return ExpectedVersion()
    return ExpectedVersion(frozenset(int(tag) for tag in tags if tag.isascii() and tag.isdigit() and len(tag) < 19))


def not_modified(request: Request, version: int) -> bool:
    """Whether ``If-None-Match`` names this version, so that 304 is the answer."""
    header = request.headers.get("If-None-Match")
    if header is None:
        return False
    tags = _tags(header)
    return "*" in tags or etag(version) in tags


def not_modified_response(version: int) -> Response:
    """The response 304, with the ETag and without a body."""
    return Response(status_code=304, headers={"ETag": etag(version)})
