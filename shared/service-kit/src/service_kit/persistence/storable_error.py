"""Errors as tables can hold them."""

from __future__ import annotations

_LONGEST = 2000


def storable_error(error: BaseException | str) -> str:
    """The kind and words of an error, or an error's text: at most 2,000 characters, of those that can be stored."""
    text = error if isinstance(error, str) else f"{type(error).__name__}: {error}"
    return text[:_LONGEST].replace("\x00", "�").encode("utf-8", "replace").decode()
