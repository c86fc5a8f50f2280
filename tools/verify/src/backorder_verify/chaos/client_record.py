"""What clients received during a run."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class ClientRecord:
    """Every document that was acknowledged to a client (201 and its id), and how the other requests ended."""

    orders: dict[str, str] = field(default_factory=dict)
    """The client's reference → order id."""
    shipments: dict[str, int] = field(default_factory=dict)
    """Shipment id → units."""
    stock_documents: dict[str, str] = field(default_factory=dict)
    """Id of a receipt, count or adjustment → its type."""
    purchase_orders: dict[str, str] = field(default_factory=dict)
    """The client's reference → id of the purchase order."""
    attempts: dict[str, str] = field(default_factory=dict)
    """Id of an attempt that a client saw succeed → what it was of how much."""
    methods: dict[str, set[str]] = field(default_factory=dict)
    """Payment id → the cards that were accepted in the place of the first one."""
    given_back: Counter[str] = field(default_factory=Counter)
    """Payment id → minor units given back out of goodwill."""
    replies: set[tuple[str, str]] = field(default_factory=set)
    """Offers and what was accepted as an answer to them."""
    provider_books: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Payment id → what the payment provider has taken and not given back, and what it holds, at the end."""
    webhooks: Counter[str] = field(default_factory=Counter)
    """Event id → how often the subscriber accepted it."""
    resent: Counter[str] = field(default_factory=Counter)
    """Operation → how often its response was lost, so that it was sent again with the same key."""
    done: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    """Responses that no correct system gives, such as `reference_taken` to an order that is sent again."""
    unanswered: list[str] = field(default_factory=list)
