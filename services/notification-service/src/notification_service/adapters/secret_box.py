"""Secrets as they are stored: encrypted with a key that the database does not have.

A webhook's secret signs what a merchant's system believes, so a copy of the database (a backup, say) must not be enough
to forge it. Fernet (AES-128-CBC with HMAC-SHA-256) is the recipe of the library ``cryptography``; Python itself has no
cipher.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken

SEALED = "enc1:"
"""How every encrypted secret begins, whatever its key."""


class SecretUnreadable(ValueError):
    """A stored secret was encrypted with a key that is not among those given."""


class SecretBox:
    """Encrypts with the first of ``keys`` and decrypts with any; without keys, secrets are stored as they are.

    A key is any text. What is stored names the key that it was encrypted with, so that those that have to be encrypted
    anew after a change of keys are found without being read.
    """

    def __init__(self, keys: Sequence[str] = ()) -> None:
        self._ciphers = {_key_id(key): _cipher(key) for key in keys}
        self._current = _key_id(keys[0]) if keys else None

    @property
    def marks(self) -> list[str]:
        """How secrets begin that are encrypted with one of the keys: the current one first, then those before it."""
        return [f"{SEALED}{key_id}:" for key_id in self._ciphers]

    def seal(self, secret: str) -> str:
        """The form to store."""
        if self._current is None:
            return secret
        return f"{SEALED}{self._current}:{self._ciphers[self._current].encrypt(secret.encode()).decode()}"

    def open(self, stored: str) -> str:
        """The secret; one that was stored before there were keys is as it is. Raises SecretUnreadable."""
        if not stored.startswith(SEALED):
            return stored
        _, key_id, token = stored.split(":", 2)
        cipher = self._ciphers.get(key_id)
        if cipher is None:
            raise SecretUnreadable(f"no key {key_id}")
        try:
            return cipher.decrypt(token.encode()).decode()
        except InvalidToken:
            raise SecretUnreadable("not what was encrypted") from None

    def open_all(self, stored: Sequence[str]) -> tuple[str, ...]:
        """The secrets that can be read."""
        found = []
        for one in stored:
            try:
                found.append(self.open(one))
            except SecretUnreadable:
                continue
        return tuple(found)


def _key_id(key: str) -> str:
    return hashlib.sha256(b"backorder key id" + key.encode()).hexdigest()[:8]


def _cipher(key: str) -> Fernet:
    return Fernet(base64.urlsafe_b64encode(hashlib.sha256(b"backorder webhook secrets" + key.encode()).digest()))
