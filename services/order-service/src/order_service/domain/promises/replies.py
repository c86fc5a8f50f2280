"""Which replies to an offer are accepted. They are judged by when they were received."""

from __future__ import annotations

from dataclasses import dataclass, replace

from order_service.domain.errors import Refusal
from order_service.domain.promises.calendar import day_of
from order_service.domain.promises.records import Choice, Offer, OfferState, Reply

LONGEST_GRANT_DAYS = 730
"""No customer grants more time than this, from the day of the reply."""


class OfferNotFound(Refusal):
    """The order has no such offer, or the caller may not see it."""


class InvalidReply(Refusal):
    """The reply says something that no reply can: ``field`` and what to send instead."""

    def __init__(self, field: str, detail: str) -> None:
        super().__init__(f"{field}: {detail}")
        self.field = field
        self.detail = detail


class ReplyRefused(Refusal):
    """The offer takes this reply no more. ``outcome`` is where it is; ``code`` is stable."""

    def __init__(self, code: str, detail: str, offer: Offer, outcome: OfferState) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.offer = offer
        self.outcome = outcome


@dataclass(frozen=True, slots=True)
class Replied:
    """The offer after a reply; ``is_new`` is false where the same one was there already: it has no other effect."""

    offer: Offer
    is_new: bool


def reply_to(offer: Offer, reply: Reply, zone: str, *, anything_open: bool) -> Replied:
    """Take a reply to an offer; ``anything_open``: some unit of its lines is to be shipped yet.

    Whoever answers has received the offer: one whose notice is not recorded counts as sent from then on. A customer
    who waits may still cancel (16 CFR 435.2(b)(1)(iii)), but not grant another day once the time to answer is over; one
    who cancelled cannot take that back. Raises InvalidReply and ReplyRefused.
    """
    _check_until(offer, reply, zone)
    earlier = offer.reply
    if earlier is not None and (earlier.choice, earlier.until) == (reply.choice, reply.until):
        return Replied(offer, False)
    refused = _why_refused(offer, reply, anything_open=anything_open)
    if refused is not None:
        raise refused
    sent_at = offer.sent_at or reply.received_at
    after = replace(offer, reply=reply, sent_at=sent_at, version=offer.version + 1)
    return Replied(replace(after, state=after.state_at(reply.received_at)), True)


def _check_until(offer: Offer, reply: Reply, zone: str) -> None:
    if (reply.choice is Choice.GRANT_UNTIL) != (reply.until is not None):
        raise InvalidReply("until", "Give it with the answer grant_until, and only then.")
    if reply.until is None:
        return
    today = day_of(reply.received_at, zone)
    earliest = max([today, *(line.from_date for line in offer.lines if line.from_date is not None)])
    if reply.until < earliest:
        raise InvalidReply("until", f"Grant time until {earliest} or longer: an earlier day holds already.")
    if (reply.until - today).days > LONGEST_GRANT_DAYS:
        raise InvalidReply("until", f"Grant at most {LONGEST_GRANT_DAYS} days.")


def _why_refused(offer: Offer, reply: Reply, *, anything_open: bool) -> ReplyRefused | None:
    def refused(code: str, detail: str) -> ReplyRefused:
        return ReplyRefused(code, detail, offer, offer.state_at(reply.received_at))

    if offer.reply is not None and offer.reply.choice is Choice.CANCEL:
        return refused("already_cancelled", "The customer has cancelled these units: that cannot be taken back.")
    if not anything_open:
        return refused("nothing_open", "Nothing of these lines is open any more: it was shipped or cancelled.")
    if offer.respond_by is not None and reply.received_at >= offer.respond_by:
        at = offer.respond_by.isoformat()
        if offer.reply is None:
            meant = {"consent": "accepted the delay", "cancellation": "cancelled the units"}
            said = meant.get(offer.silence_means, "said nothing")
            return refused("reply_too_late", f"The time to answer ended at {at}. Silence {said} then.")
        if reply.choice is not Choice.CANCEL:
            # What was received in time holds: a later word in its place would be none at all to the law.
            detail = f"The time to answer ended at {at}. The answer from before holds; it may still be cancelled."
            return refused("reply_too_late", detail)
    if offer.superseded and reply.choice is not Choice.CANCEL:
        return refused("offer_superseded", "A newer offer has taken its place: answer that one.")
    return None
