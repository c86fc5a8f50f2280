"""Names in one form, so that two that look alike are one: the same function for every service.

A name is opaque and case-sensitive. What nobody can see in it is no part of it: it is written in Unicode's composed
form (NFC), its spaces are plain ones, and none stands at its ends. Characters that cannot be seen at all are refused,
since nobody can say what was meant by them. docs/adr/0024.
"""

from __future__ import annotations

import re
import unicodedata

INVISIBLE = (
    r"\x00-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e"
    r"\u2060-\u206f\u2800\u3164\ufeff\uffa0\ufff9-\ufffb"
)
"""Characters without a mark on paper, as ranges within the brackets of a regular expression (Python's, ECMA's, Rust's
and PostgreSQL's): controls, line breaks, zero-width and formatting characters, fillers."""

SPACES = r" \u00a0\u1680\u2000-\u200a\u202f\u205f\u3000"
"""Spaces of all widths, in the same notation."""

_INVISIBLE = re.compile(f"[{INVISIBLE}]")
_SPACE = re.compile(f"[{SPACES}]")
_PLAIN = re.compile(r"[!-~](?:[ -~]*[!-~])?")

NOT_VISIBLE = "must be one line of visible characters: no control, line-break or zero-width characters"


def in_one_form(name: str) -> str:
    """The form in which a name is stored and compared; a name in this form is returned as it is."""
    if _PLAIN.fullmatch(name) is not None:
        return name
    return unicodedata.normalize("NFC", _SPACE.sub(" ", name)).strip(" ")


def check_visible(text: str) -> None:
    """Raise ValueError if the text has a character that nobody can see."""
    if _INVISIBLE.search(text) is not None:
        raise ValueError(NOT_VISIBLE)
