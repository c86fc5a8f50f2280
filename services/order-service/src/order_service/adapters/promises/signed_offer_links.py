"""Links to one offer that need no storage: the ids of order and offer and the time of expiry, signed."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import timedelta

from itsdangerous import BadSignature, URLSafeSerializer

from order_service.domain.promises.records import Offer
from service_kit.runtime.clock import Clock

_SALT = "backorder-offer-link"
_SHOWN_FOR = timedelta(days=400)
"""How long after it was made an offer can be opened, to read what became of it."""


class SignedOfferLinks:
    """Makes links to offers and reads them. The first of the secrets signs; all of them verify."""

    def __init__(self, home: str, secrets: Sequence[str], clock: Clock) -> None:
        self._home = home
        self._signers = [
            URLSafeSerializer(secret, salt=_SALT, signer_kwargs={"digest_method": hashlib.sha256}) for secret in secrets
        ]
        self._clock = clock

    def link(self, order_id: str, offer: Offer) -> str | None:
        """The link that opens the offer; None without a secret."""
        if not self._signers:
            return None
        expires = int((offer.made_at + _SHOWN_FOR).timestamp())
        signed = self._signers[0].dumps([order_id, offer.offer_id, expires])
        token = signed if isinstance(signed, str) else signed.decode()
        return f"{self._home}/v1/orders/{order_id}/offers/{offer.offer_id}/page?token={token}"

    def opens(self, token: str, order_id: str, offer_id: str) -> bool:
        """Whether the token opens this offer: it is not forged, foreign or expired, and not another offer's."""
        for signer in self._signers:
            try:
                signed = signer.loads(token)
            except (BadSignature, ValueError, TypeError):
                continue
            if isinstance(signed, list) and signed[:2] == [order_id, offer_id] and isinstance(signed[-1], int):
                return bool(signed[-1] > self._clock.now().timestamp())
        return False
