"""ETags from versions: conditional reads (304) and conditional changes (412, 428)."""

from __future__ import annotations

from fastapi import Request, Response

from service_kit.problems import precondition_failed, precondition_required


def etag(version: int) -> str:
    """The strong ETag of a resource's version."""
    return f'"{version}"'


def set_etag(response: Response, version: int) -> None:
    """Name the version that the response shows."""
    response.headers["ETag"] = etag(version)


def _tags(header: str) -> set[str]:
    # A proxy that compresses turns our tags into weak ones; the version in them is still the same.
    return {tag.strip().removeprefix("W/") for tag in header.split(",")}


def check_if_match(request: Request, version: int, *, required: bool = False) -> None:
    """Refuse a change made on an old version.

    Problem 412 where ``If-Match`` names another version, 428 where it is absent and ``required``
    (PATCH). Call it with the version of the locked row, so that nothing comes between.
    """
    matches_version(request.headers.get("If-Match"), version, required=required)


def matches_version(if_match: str | None, version: int, *, required: bool = False) -> None:
    """:func:`check_if_match` for code that has only the header's value, such as a command handler."""
    if if_match is None:
        if required:
            raise precondition_required()
        return
    tags = _tags(if_match)
    if "*" not in tags and etag(version) not in tags:
        raise precondition_failed()


def not_modified(request: Request, version: int) -> bool:
    """Whether ``If-None-Match`` names this version: answer 304 with the ETag and no body."""
    header = request.headers.get("If-None-Match")
    if header is None:
        return False
    tags = _tags(header)
    return "*" in tags or etag(version) in tags


def not_modified_response(version: int) -> Response:
    """The 304 answer."""
    return Response(status_code=304, headers={"ETag": etag(version)})
