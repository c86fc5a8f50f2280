"""Secrets that webhooks are signed with."""

from __future__ import annotations

import secrets
from base64 import b64encode


def new_signing_secret() -> str:
    """A secret of 192 random bits in the form of the Standard Webhooks specification, ``whsec_<base64>``."""
    return "whsec_" + b64encode(secrets.token_bytes(24)).decode()
