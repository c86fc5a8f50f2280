"""Which addresses a mail can be sent to."""

from __future__ import annotations

import re

ENCODED_WORD = "=?"
"""How an RFC 2047 encoded word begins, which mail programs decode, line breaks inside it included."""

_ATOM = r"[^\s\x00-\x1f\x7f-\x9f<>()\[\]\\,:;\"@]{1,254}"
_ADDRESS = re.compile(f"{_ATOM}@{_ATOM}")


def usable_address(address: str) -> bool:
    """Whether a mail can be addressed to ``address``: one address without display name, quoting or encoded words."""
    return _ADDRESS.fullmatch(address) is not None and ENCODED_WORD not in address
