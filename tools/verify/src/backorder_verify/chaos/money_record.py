"""Whether what customers were told of their payments and replies is what the order service's database says."""

from __future__ import annotations

import asyncio

import asyncpg

from backorder_verify.chaos.client_record import ClientRecord

_ATTEMPTS = "SELECT attempt_id, kind, amount FROM payment_attempt WHERE state = 'succeeded' AND kind <> 'refund'"
_PAYMENTS = "SELECT payment_id, method, conceded, captured - refunded AS taken, held FROM payment"
_REPLIES = "SELECT DISTINCT offer_id, choice FROM delay_reply"
_UNDER_WAY = """
    SELECT count(*) FROM payment p
    WHERE look_at <= clock_timestamp() + interval '5 s' OR EXISTS (
        SELECT FROM payment_attempt a WHERE a.payment_id = p.payment_id AND a.state IN ('stored', 'unknown', 'pending')
    )
"""
_LOOK_EVERY = 0.5


async def until_paid(url: str, within: float) -> bool:
    """Wait until no payment is under way or about to be; False if that is not within so many seconds."""
    connection = await asyncpg.connect(url)
    try:
        async with asyncio.timeout(within):
            while True:
                if not await connection.fetchval(_UNDER_WAY):
                    return True
                await asyncio.sleep(_LOOK_EVERY)
    except TimeoutError:
        return False
    finally:
        await connection.close()


async def told_and_stored(
    order: asyncpg.Connection, record: ClientRecord
) -> tuple[dict[str, object], dict[str, object]]:
    """What clients and the payment provider know of payments and replies, and what the database says, by name.

    Of an attempt that nobody has read, and of the cards that orders began with, clients know nothing: these are left
    out.
    """
    payments = await order.fetch(_PAYMENTS)
    told: dict[str, object] = {f"attempt {one}": what for one, what in record.attempts.items()}
    told |= {f"reply {choice} to {offer_id}": True for offer_id, choice in record.replies}
    told |= {f"goodwill of {payment_id}": amount for payment_id, amount in record.given_back.items()}
    told |= {f"money of {payment_id}": books for payment_id, books in record.provider_books.items()}
    told |= {f"replaced method of {payment_id}": True for payment_id in record.methods}
    attempts = {row["attempt_id"]: f"{row['kind']} of {row['amount']}" for row in await order.fetch(_ATTEMPTS)}
    stored: dict[str, object] = {f"attempt {one}": attempts[one] for one in record.attempts if one in attempts}
    stored |= {f"reply {row['choice']} to {row['offer_id']}": True for row in await order.fetch(_REPLIES)}
    stored |= {f"goodwill of {row['payment_id']}": row["conceded"] for row in payments if row["conceded"]}
    stored |= {
        f"money of {row['payment_id']}": (row["taken"], row["held"]) for row in payments if row["taken"] or row["held"]
    }
    stored |= {
        f"replaced method of {row['payment_id']}": row["method"] in record.methods[row["payment_id"]]
        for row in payments
        if row["payment_id"] in record.methods
    }
    return told, stored
