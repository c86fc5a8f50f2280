"""Problem details (RFC 9457) as an exception that depends on no web framework.

An entrypoint raises :class:`Problem`, and ``service_kit.http`` renders it. The rejected input is never part of a
problem: ``detail`` and ``errors`` say what was expected, and where.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus

PROBLEM_TYPE_PREFIX = "urn:backorder:problem:"
"""A problem's ``type`` is this prefix and its code. Codes are stable; titles are for people and may change."""


@dataclass(frozen=True, slots=True)
class FieldError:
    """One rejected place. ``pointer`` is a JSON Pointer (RFC 6901) into the body, such as ``/lines/0/sku``.

    For a query, path or header parameter, ``pointer`` is empty and ``parameter`` names it.
    """

    pointer: str
    detail: str
    parameter: str | None = None

    def as_member(self) -> dict[str, str]:
        """The member of ``errors`` in the problem document."""
        place = {"pointer": self.pointer} if self.parameter is None else {"parameter": self.parameter}
        return {**place, "detail": self.detail}


class Problem(Exception):
    """A response that is not a success: HTTP status, a stable ``code`` for programs, and words for people.

    ``extra`` members are added to the document (never input of the caller); ``headers`` to the response.
    """

    def __init__(
        self,
        status: int,
        code: str,
        title: str,
        detail: str | None = None,
        *,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
        extra: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(f"{status} {code}: {detail or title}")
        self.status = status
        self.code = code
        self.title = title
        self.detail = detail
        self.errors = tuple(errors)
        self.headers = dict(headers or {})
        self.extra = dict(extra or {})

    def document(self, *, instance: str, trace_id: str) -> dict[str, object]:
        """The ``application/problem+json`` document for the request at ``instance``."""
        document: dict[str, object] = {
            **self.extra,
            "type": PROBLEM_TYPE_PREFIX + self.code,
            "title": self.title,
            "status": self.status,
            "instance": instance,
            "code": self.code,
            "trace_id": trace_id,
        }
        if self.detail is not None:
            document["detail"] = self.detail
        if self.errors:
            document["errors"] = [error.as_member() for error in self.errors]
        return document


def not_found(what: str = "resource") -> Problem:
    """404 for ``what`` (a kind of resource such as "order"), also if it exists and belongs to another customer."""
    code = f"{what.replace(' ', '_').replace('-', '_')}_not_found"
    return Problem(404, code, "Not found", f"There is no such {what}.")


def bad_request(code: str, detail: str, *, errors: Sequence[FieldError] = ()) -> Problem:
    """400: the request itself (a parameter, a header, its syntax) cannot be understood."""
    return Problem(400, code, "Bad request", detail, errors=errors)


def conflict(code: str, detail: str, **extra: object) -> Problem:
    """409: impossible in the current state. Give the state as an extra member, such as ``state="shipped"``."""
    return Problem(409, code, "Conflict with the current state", detail, extra=extra)


def unprocessable(errors: Sequence[FieldError], detail: str | None = None) -> Problem:
    """422: the body fails validation; every invalid place is listed."""
    words = detail or f"{len(errors)} place(s) of the body are not valid."
    return Problem(422, "validation_failed", "The body is not valid", words, errors=errors)


def forbidden(code: str, detail: str, **extra: object) -> Problem:
    """403: the caller is known, but may not do this."""
    return Problem(403, code, "Forbidden", detail, extra=extra)


def precondition_failed() -> Problem:
    """412: the resource has changed since the caller read it."""
    return Problem(
        412,
        "precondition_failed",
        "The resource has changed",
        "If-Match names another version than the current one. Read the resource again and repeat the change.",
    )


def precondition_required() -> Problem:
    """428: this change needs ``If-Match``."""
    return Problem(
        428,
        "precondition_required",
        "If-Match is required",
        "Send the ETag of the version that you have read as If-Match.",
    )


def unavailable(code: str = "temporarily_unavailable", detail: str | None = None, *, retry_after: int = 1) -> Problem:
    """503 with ``Retry-After`` in seconds: nothing was done, or the outcome is unknown; repeat with the same key."""
    return Problem(
        503,
        code,
        "Temporarily unavailable",
        detail or "The request was not carried out. Repeat it.",
        headers={"Retry-After": str(retry_after)},
    )


def for_status(status: int, detail: str | None = None, headers: Mapping[str, str] | None = None) -> Problem:
    """The plain problem of an HTTP status, such as 404 for a path that no route serves."""
    phrase = HTTPStatus(status).phrase
    code = phrase.lower().replace(" ", "_").replace("-", "_").replace("'", "")
    return Problem(status, code, phrase, detail, headers=headers)
