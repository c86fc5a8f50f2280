"""Tracking tokens that need no storage: the order's id and the time of expiry, signed.

A token also names the key that signed it, so that tokens made before the secret changed can still be verified.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime

from itsdangerous import BadSignature, URLSafeSerializer

from service_kit.http.api_keys import Principal
from service_kit.runtime.clock import Clock

_SALT = "backorder-tracking-link"
_PREFIX = "bo_track_"


class SignedTrackingTokens:
    """`TrackingTokens` that are signed. The first of the secrets signs; all of them verify."""

    def __init__(self, secrets: Sequence[str], clock: Clock) -> None:
        self._signers = {_key_id(secret): _signer(secret) for secret in secrets}
        self._current = _key_id(secrets[0]) if secrets else None
        self._clock = clock

    @property
    def available(self) -> bool:
        """See TrackingTokens: whether there is a secret to sign with."""
        return self._current is not None

    def token(self, order_id: str, expires_at: datetime) -> str:
        """See TrackingTokens. Raises RuntimeError if there is no secret."""
        if self._current is None:
            raise RuntimeError("no tracking secret is set")
        signed = self._signers[self._current].dumps([order_id, int(expires_at.timestamp())])
        text = signed if isinstance(signed, str) else signed.decode()
        return f"{_PREFIX}{self._current}.{text}"

    def principal(self, token: str) -> Principal | None:
        """The principal that a token authenticates, a reader of one order; None if it is forged, foreign or expired."""
        key_id, _, signed = token.removeprefix(_PREFIX).partition(".")
        signer = self._signers.get(key_id)
        if signer is None or not token.startswith(_PREFIX):
            return None
        try:
            order_id, expires = signer.loads(signed)
        except (BadSignature, ValueError, TypeError):
            return None
        if not isinstance(order_id, str) or not isinstance(expires, int) or expires <= self._clock.now().timestamp():
            return None
        return Principal(key_id=f"tracking:{key_id}", scopes=frozenset({"orders:read"}), order_id=order_id)


def _key_id(secret: str) -> str:
    return hashlib.sha256(b"backorder key id" + secret.encode()).hexdigest()[:8]


def _signer(secret: str) -> URLSafeSerializer:
    return URLSafeSerializer(secret, salt=_SALT, signer_kwargs={"digest_method": hashlib.sha256})
