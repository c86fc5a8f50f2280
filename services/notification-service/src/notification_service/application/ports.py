"""What the use cases need from the world."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Protocol

from event_contracts import Event
from notification_service.application.records import (
    ClaimedMail,
    ClaimedWebhook,
    Contact,
    Delivery,
    Endpoint,
    Mail,
    MailResult,
    NewNotification,
    Notification,
    Outcome,
    Retry,
    Rewrite,
    SetAside,
    WebhookAnswer,
    WebhookMessage,
    WebhookResult,
)
from notification_service.domain.orders import WatchedOrder


class WatchedOrders(Protocol):
    """Orders as seen from here."""

    async def lock(self, order_ids: Collection[str]) -> dict[str, WatchedOrder]:
        """The orders, made where missing and locked in sorted order until the transaction ends."""
        ...

    async def lock_due(self, now: datetime, limit: int) -> list[WatchedOrder]:
        """Up to ``limit`` orders whose time to be told has come, locked; those locked elsewhere are passed over."""
        ...

    async def save(self, orders: Collection[WatchedOrder]) -> None:
        """Write locked orders and their lines."""
        ...

    async def next_outcomes(self, order_ids: Sequence[str]) -> list[int]:
        """A number for the outcome event of each of the orders (repeats allowed); locks their rows, sorted."""
        ...

    async def sku_names(self, skus: Collection[str]) -> dict[str, str]:
        """The names of those SKUs that have one."""
        ...

    async def name_skus(self, names: Mapping[str, tuple[int, str | None]]) -> None:
        """Remember (version, name) of each SKU unless a newer version is known."""
        ...


class Notifications(Protocol):
    """Messages to customers."""

    async def add(self, notifications: Sequence[NewNotification], now: datetime) -> None:
        """Queue messages; one that exists for its (cause, contact, template) is left out."""
        ...

    async def claim(self, now: datetime, lease_until: datetime, limit: int) -> list[ClaimedMail]:
        """Take messages whose turn it is, each order's oldest first; they come back if the lease runs out."""
        ...

    async def wait_for_contact(self, notification_ids: Sequence[str], until: datetime) -> None:
        """Set messages aside whose contact is not known."""
        ...

    async def wakeable_orders(self, limit: int, contact_id: str | None = None) -> list[str]:
        """Orders with messages set aside whose contact (or this contact) is known by now."""
        ...

    async def lock_unsent(self, order_ids: Collection[str]) -> list[SetAside]:
        """Messages of the orders to known contacts that nobody has tried to send, the oldest first, locked."""
        ...

    async def requeue(self, notification_ids: Sequence[str], now: datetime) -> None:
        """Queue messages as they are."""
        ...

    async def rewrite(self, rewrites: Sequence[Rewrite], now: datetime) -> None:
        """Queue messages with other contents."""
        ...

    async def supersede(self, notification_ids: Sequence[str], now: datetime) -> None:
        """End messages that another one of their order replaces; nothing is sent for them."""
        ...

    async def overdue(self, now: datetime, limit: int) -> list[Outcome]:
        """Messages that have waited for their contact for too long, as failures."""
        ...

    async def unfinished_of(self, contact_id: str, reason: str) -> list[Outcome]:
        """A contact's messages that are not sent, as failures for ``reason``."""
        ...

    async def retry(self, retries: Sequence[Retry]) -> None:
        """Plan the next attempts."""
        ...

    async def finish(self, outcomes: Sequence[Outcome], now: datetime, keep_texts_of: Collection[str]) -> list[Outcome]:
        """Record ends; returns those that were still open. Texts are kept for the contacts named only."""
        ...

    async def erase(self, contact_id: str) -> None:
        """Empty recipient and texts of all the contact's messages."""
        ...

    async def find(self, notification_id: str) -> Notification | None:
        """One message."""
        ...

    async def lock(self, notification_ids: Collection[str]) -> dict[str, Notification]:
        """Messages, locked against a change of state."""
        ...

    async def page(
        self, *, order_id: str | None, customer_id: str | None, before: str | None, limit: int
    ) -> list[Notification]:
        """Messages, newest first, without their texts."""
        ...

    async def customer_of(self, order_id: str) -> str | None:
        """Whose order it is."""
        ...


class Contacts(Protocol):
    """Personal data: the one place that holds it."""

    async def find(self, contact_id: str, *, lock: bool = False) -> Contact | None:
        """A contact; with ``lock`` it stays as it is until the transaction ends."""
        ...

    async def put(self, contact_id: str, email: str, locale: str, time_zone: str, now: datetime) -> Contact:
        """Create or replace it, with a new version."""
        ...

    async def delete(self, contact_id: str) -> None:
        """Remove it for good."""
        ...

    async def known(self, contact_ids: Collection[str], *, lock: bool = False) -> set[str]:
        """Which of them exist; with ``lock`` they go on existing until the transaction ends."""
        ...


class Endpoints(Protocol):
    """Merchants' webhook endpoints."""

    async def add(self, endpoint: Endpoint, secret: str) -> None:
        """Create one with its first secret."""
        ...

    async def find(self, endpoint_id: str, *, lock: bool = False) -> Endpoint | None:
        """One endpoint with the number of its pending deliveries."""
        ...

    async def page(self, *, after: str | None, limit: int) -> list[Endpoint]:
        """Endpoints by id."""
        ...

    async def update(self, endpoint: Endpoint) -> None:
        """Write what the merchant may change, and the state; counts the version up."""
        ...

    async def delete(self, endpoint_id: str) -> bool:
        """Remove it with its deliveries; False if there was none."""
        ...

    async def secrets(self, endpoint_id: str, now: datetime) -> tuple[str, ...]:
        """The secrets that sign now, the newest first."""
        ...

    async def rotate(self, endpoint_id: str, secret: str, now: datetime, overlap_until: datetime) -> None:
        """Add a secret; older ones end at ``overlap_until`` at the latest."""
        ...

    async def subscribers(self) -> list[tuple[str, tuple[str, ...]]]:
        """(endpoint id, event types) of the enabled endpoints."""
        ...


class WebhookDeliveries(Protocol):
    """Events on their way to endpoints."""

    async def add(self, messages: Sequence[WebhookMessage], pairs: Sequence[tuple[str, str]], now: datetime) -> None:
        """Queue (endpoint id, event id) pairs of these messages; known ones are left out."""
        ...

    async def claim(
        self, now: datetime, lease_until: datetime, per_endpoint: int, busy: Collection[str]
    ) -> list[ClaimedWebhook]:
        """Take due deliveries of enabled endpoints that are not ``busy``, at most ``per_endpoint`` each."""
        ...

    async def record(self, results: Sequence[WebhookResult], now: datetime) -> Endpoint | None:
        """Write results of one endpoint's attempts and its health; returns it as it is now, locked."""
        ...

    async def page(self, endpoint_id: str, *, before: str | None, limit: int) -> list[Delivery]:
        """An endpoint's deliveries, newest first."""
        ...

    async def purge(self, before: datetime, limit: int) -> int:
        """Drop old messages with their deliveries; returns how many."""
        ...


class UnitOfWork(Protocol):
    """One transaction."""

    @property
    def orders(self) -> WatchedOrders:
        """Orders as seen from here."""
        ...

    @property
    def notifications(self) -> Notifications:
        """Messages to customers."""
        ...

    @property
    def contacts(self) -> Contacts:
        """Contacts."""
        ...

    @property
    def endpoints(self) -> Endpoints:
        """Webhook endpoints."""
        ...

    @property
    def deliveries(self) -> WebhookDeliveries:
        """Webhook deliveries."""
        ...

    async def publish(self, events: Sequence[Event]) -> None:
        """Let events leave with this transaction."""
        ...


class UnitOfWorkFactory(Protocol):
    """Opens transactions."""

    def transaction(self) -> AbstractAsyncContextManager[UnitOfWork]:
        """All or nothing."""
        ...

    def reading(self) -> AbstractAsyncContextManager[UnitOfWork]:
        """One consistent view."""
        ...


class Renderer(Protocol):
    """Puts facts into words."""

    def render(self, claim: ClaimedMail) -> Mail:
        """The message in the language and zone of its contact, which must be known."""
        ...


class Mailer(Protocol):
    """Hands messages to a mail server."""

    async def close(self) -> None:
        """End open sessions."""
        ...

    async def send(self, mails: Sequence[Mail]) -> list[MailResult]:
        """One result for each, in order; never raises for what a server or the network does."""
        ...


class WebhookSender(Protocol):
    """Calls merchants' endpoints."""

    async def send(self, url: str, message_id: str, body: str, secrets: Sequence[str]) -> WebhookAnswer:
        """One signed attempt; never raises for what the endpoint or the network does."""
        ...
