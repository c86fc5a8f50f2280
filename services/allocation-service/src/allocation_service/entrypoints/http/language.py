"""The language that a caller wants to read, from ``Accept-Language`` (RFC 9110, section 12.5.4)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from fastapi import Depends, Header, Response

from allocation_service.wording.catalogue import Catalogue
from allocation_service.wording.languages import LANGUAGES, catalogue_of


def preferred(header: str, known: Iterable[str]) -> str:
    """The language that the header likes best of those that are known, the first of which stands for the others.

    A range such as ``de-AT`` is met by ``de`` (RFC 4647, section 3.4); ``*`` by the first; what cannot be read
    is passed over.
    """
    languages = list(known)
    best, weight = languages[0], 0.0
    for part in header.split(","):
        wanted, _, parameters = part.strip().partition(";")
        language = languages[0] if wanted == "*" else wanted.split("-", 1)[0].lower()
        quality = _quality(parameters)
        if language in languages and quality > weight:
            best, weight = language, quality
    return best


def _quality(parameters: str) -> float:
    name, _, value = parameters.strip().partition("=")
    if not name:
        return 1.0
    try:
        return float(value) if name.strip().lower() == "q" else 1.0
    except ValueError:
        return 0.0


async def _chosen(
    response: Response,
    accept_language: Annotated[
        str | None, Header(description=f"The language of the words, of: {', '.join(LANGUAGES)}")
    ] = None,
) -> Catalogue:
    catalogue = catalogue_of(preferred(accept_language or "", LANGUAGES))
    response.headers["Content-Language"] = catalogue.language
    response.headers["Vary"] = "Accept-Language"
    return catalogue


Language = Annotated[Catalogue, Depends(_chosen)]
"""A parameter of an endpoint: the templates of the language that its caller wants to read."""
