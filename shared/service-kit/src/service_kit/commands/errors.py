"""Why a command was not carried out, other than by a refusal of its use case."""

from __future__ import annotations


class IdempotencyKeyReused(Exception):
    """The key was used for another request: another body, or another order or place in the path."""


class IdempotencyKeyInFlight(Exception):
    """The same key is being worked on elsewhere at this moment; ask again for its answer."""


class CommandNotCarriedOut(Exception):
    """The errors stayed transient for too long. Nothing was done; the command may be repeated."""


class OutcomeUnknown(Exception):
    """The connection was lost while committing: the effect may be there or not.

    Repeating with an idempotency key finds out; without one it may do the same twice.
    """
