"""API keys with scopes, stored hashed in one keyring file that services read and the CLI writes.

A key is ``bo_live_`` and 256 random bits. Only its SHA-256 is stored: with that much entropy a slow hash would protect
nothing more. Keys are looked up by that hash, so the time of a comparison reveals nothing about a secret.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import Any, Literal

import orjson

KEY_PREFIX = "bo_live_"
_KEY_BYTES = 32
DEFAULT_LIFETIME = timedelta(days=365)
"""How long a key is valid unless its maker says otherwise: one that nobody remembers ends by itself."""
_LONGEST_CUSTOMER_ID = 100
_RELOAD_SECONDS = 0.5
"""How often the file is checked for changes: a revoked key stops working within this time."""

SCOPES: frozenset[str] = frozenset(
    {
        "orders:read",
        "orders:write",
        "shipments:read",
        "shipments:write",
        "payments:write",
        "inventory:read",
        "inventory:write",
        "purchasing:read",
        "purchasing:write",
        "availability:read",
        "backorders:read",
        "decisions:read",
        "policies:write",
        "runs:read",
        "runs:write",
        "simulations:run",
        "contacts:write",
        "webhooks:write",
        "notifications:read",
        "notifications:write",
        "ops",
        "import",
    }
)
"""Every scope there is. A key with any other scope cannot be made."""

BOUND_SCOPES: frozenset[str] = frozenset(
    {
        "orders:read",
        "orders:write",
        "shipments:read",
        "availability:read",
        "notifications:read",
        "notifications:write",
    }
)
"""The scopes that a key bound to one customer may have. Everything else is about stock, other people or the shop."""


@dataclass(frozen=True, slots=True)
class Principal:
    """The caller: an API key, a customer's token, or a tracking link.

    ``customer_id`` and ``order_id``, if set, restrict the caller to that customer's orders or to that order. They
    belong into the SQL ``WHERE``, so that anything else is answered with 404.
    """

    key_id: str
    scopes: frozenset[str]
    customer_id: str | None = None
    order_id: str | None = None

    @property
    def bound(self) -> bool:
        """Whether the caller is restricted to one customer or one order."""
        return self.customer_id is not None or self.order_id is not None

    @property
    def scopes_beyond_binding(self) -> frozenset[str]:
        """Scopes that a bound caller must not have, and has all the same: from a keyring of an earlier version."""
        return self.scopes - BOUND_SCOPES if self.bound else frozenset()

    def may(self, scope: str) -> bool:
        """Whether the caller holds ``scope``."""
        return scope in self.scopes


class KeyringError(ValueError):
    """The keyring file cannot be used, or a key cannot be made as asked; the text says what to do."""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A stored key. Times are in UTC. ``sha256`` is the hex digest of the secret, which itself is not stored."""

    id: str
    name: str
    sha256: str
    scopes: tuple[str, ...]
    created_at: datetime
    customer_id: str | None = None
    expires_at: datetime | None = None
    revoked_at: datetime | None = None

    def active(self, now: datetime) -> bool:
        """Whether the key is valid at ``now``."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)

    def principal(self) -> Principal:
        """The caller that this key stands for."""
        return Principal(key_id=self.id, scopes=frozenset(self.scopes), customer_id=self.customer_id)


def hash_key(secret: str) -> str:
    """The stored form of a key."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _moment(value: str | None) -> datetime | None:
    return None if value is None else datetime.fromisoformat(value)


def _read(raw: Mapping[str, Any]) -> ApiKey:
    return ApiKey(
        id=raw["id"],
        name=raw["name"],
        sha256=raw["sha256"],
        scopes=tuple(raw["scopes"]),
        created_at=_moment(raw.get("created_at")) or datetime.fromtimestamp(0, UTC),
        customer_id=raw.get("customer_id"),
        expires_at=_moment(raw.get("expires_at")),
        revoked_at=_moment(raw.get("revoked_at")),
    )


def _expiry(wanted: datetime | Literal["never"] | None, now: datetime) -> datetime | None:
    if wanted is None:
        return now + DEFAULT_LIFETIME
    if isinstance(wanted, str):
        return None
    if wanted.tzinfo is None:
        raise KeyringError("expires_at needs an offset from UTC")
    return wanted


def _check_scopes(scopes: Sequence[str]) -> None:
    unknown = sorted(set(scopes) - SCOPES)
    known = ", ".join(sorted(SCOPES))
    if unknown:
        raise KeyringError(f"unknown scope {unknown[0]!r}; known: {known}")
    if not scopes:
        raise KeyringError(f"a key needs a scope; known: {known}")


def _check_binding(scopes: Sequence[str], customer_id: str) -> None:
    if not customer_id.strip() or len(customer_id) > _LONGEST_CUSTOMER_ID or not customer_id.isprintable():
        raise KeyringError(f"a customer's id has 1 to {_LONGEST_CUSTOMER_ID} printable characters")
    beyond = sorted(set(scopes) - BOUND_SCOPES)
    if beyond:
        allowed = ", ".join(sorted(BOUND_SCOPES))
        raise KeyringError(
            f"a key bound to a customer may not have {', '.join(beyond)}; it may have: {allowed}. "
            "Leave those out, or make a key without a customer for them"
        )


class Keyring:
    """The keys of one installation, in one JSON file (mode 0600 where it is made; a change keeps mode and owner).

    Reading takes no lock and notices changes of the file. A change is made under a lock and replaces the file
    atomically, so a reader sees the old keyring or the new one, never half of one. Several keys may be valid at once:
    to replace a key, make the new one, change over, and revoke the old one.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._by_hash: dict[str, ApiKey] = {}
        self._stamp: tuple[int, int, int] | None = None
        self._looked_at = float("-inf")

    def find(self, secret: str, now: datetime | None = None) -> ApiKey | None:
        """The valid key with this secret, or None."""
        digest = hash_key(secret)
        self._reload()
        if digest not in self._by_hash:
            # A key works as soon as it is made.
            self._reload(now_please=True)
        key = self._by_hash.get(digest)
        return key if key is not None and key.active(now or datetime.now(UTC)) else None

    def list_keys(self) -> list[ApiKey]:
        """All keys, revoked and expired ones too, oldest first."""
        return self._load()

    def create_key(
        self,
        name: str,
        scopes: Sequence[str],
        *,
        customer_id: str | None = None,
        expires_at: datetime | Literal["never"] | None = None,
    ) -> tuple[str, ApiKey]:
        """Make and store a key; its secret is returned this one time only.

        The key expires after DEFAULT_LIFETIME unless ``expires_at`` says otherwise. KeyringError for an
        unknown scope, and for a key that is bound to ``customer_id`` but asks for a scope beyond BOUND_SCOPES.
        """
        _check_scopes(scopes)
        if customer_id is not None:
            _check_binding(scopes, customer_id)
        now = datetime.now(UTC)
        secret = KEY_PREFIX + secrets.token_urlsafe(_KEY_BYTES)
        key = ApiKey(
            id="key_" + secrets.token_hex(8),
            name=name,
            sha256=hash_key(secret),
            scopes=tuple(sorted(set(scopes))),
            created_at=now,
            customer_id=customer_id,
            expires_at=_expiry(expires_at, now),
        )
        with self._changing():
            self._store([*self._load(), key])
        return secret, key

    def revoke(self, key_id: str) -> ApiKey:
        """Make a key invalid; revoking it again changes nothing. KeyringError if there is no such key."""
        with self._changing():
            keys = self._load()
            found = next((key for key in keys if key.id == key_id), None)
            if found is None:
                raise KeyringError(f"there is no key {key_id!r}")
            if found.revoked_at is not None:
                return found
            revoked = replace(found, revoked_at=datetime.now(UTC))
            self._store([revoked if key.id == key_id else key for key in keys])
        return revoked

    def _reload(self, *, now_please: bool = False) -> None:
        if not now_please and monotonic() - self._looked_at < _RELOAD_SECONDS:
            return
        try:
            status = self._path.stat()
            stamp = (status.st_mtime_ns, status.st_size, status.st_ino)
            if stamp != self._stamp:
                # Until it has been read, no key is valid: one of those that were may have been revoked in it.
                self._by_hash, self._stamp = {}, None
                self._by_hash = {key.sha256: key for key in self._load()}
                self._stamp = stamp
        except FileNotFoundError:
            self._by_hash, self._stamp = {}, None
        self._looked_at = monotonic()

    def _load(self) -> list[ApiKey]:
        try:
            return [_read(raw) for raw in orjson.loads(self._path.read_bytes())]
        except FileNotFoundError:
            return []
        except PermissionError as error:
            raise KeyringError(
                f"{self._path} may not be read by user {os.geteuid()}: give it the right mode"
            ) from error
        except (ValueError, KeyError, TypeError) as error:
            raise KeyringError(f"{self._path} is not a readable keyring: {type(error).__name__}") from error

    def _store(self, keys: Sequence[ApiKey]) -> None:
        content = orjson.dumps([asdict(key) for key in keys], option=orjson.OPT_INDENT_2)
        draft = self._path.with_name(f".{self._path.name}.{os.getpid()}.{secrets.token_hex(4)}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                self._as_before(file.fileno())
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self._path)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise
        self._looked_at = float("-inf")

    def _as_before(self, descriptor: int) -> None:
        """Give a new file the mode and the owner of the one that it replaces, so that whoever read that reads this."""
        try:
            before = self._path.stat()
        except FileNotFoundError:
            return
        os.fchmod(descriptor, before.st_mode & 0o777)
        try:
            os.fchown(descriptor, before.st_uid, before.st_gid)
        except PermissionError:
            if not before.st_mode & stat.S_IROTH:
                raise KeyringError(
                    f"{self._path} belongs to user {before.st_uid}, who could not read a new one: change it as that "
                    "user or as root"
                ) from None

    @contextmanager
    def _changing(self) -> Iterator[None]:
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # The lock is a file of its own: the keyring is replaced, so a lock on it would be a lock on the old one.
        descriptor = os.open(self._path.with_name(self._path.name + ".lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)
