"""The languages there are."""

from __future__ import annotations

from typing import Any

from allocation_service.wording.catalogue import Catalogue
from allocation_service.wording.de import DE
from allocation_service.wording.en import EN


def _completed(catalogue: Catalogue) -> Catalogue:
    """A language in which every template that is missing is English."""
    own: dict[str, Any] = catalogue._asdict()
    for name, english in EN._asdict().items():
        if isinstance(english, dict):
            own[name] = {**english, **own[name]}
    return Catalogue(**own)


LANGUAGES = {one.language: one for one in (EN, _completed(DE))}
"""By their code (ISO 639-1), the default first."""


def catalogue_of(language: str) -> Catalogue:
    """A language's templates; English where there are none."""
    return LANGUAGES.get(language, EN)
