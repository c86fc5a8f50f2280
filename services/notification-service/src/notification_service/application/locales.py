"""Locales of contacts, as the Unicode CLDR knows them."""

from __future__ import annotations

from babel import Locale
from babel.core import UnknownLocaleError


def parse_locale(tag: str) -> Locale:
    """The locale of a BCP 47 tag such as ``de-AT``. Raises ValueError for a tag that is not known."""
    try:
        return Locale.parse(tag.replace("_", "-"), sep="-")
    except (UnknownLocaleError, ValueError, TypeError) as error:
        raise ValueError("not a known locale") from error
