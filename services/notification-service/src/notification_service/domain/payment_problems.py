"""Messages to customers whose payment needs them: a bank declined, or wants them to confirm it."""

from __future__ import annotations

PAYMENT_PROBLEM = "payment_problem"
"""The template of the message. It has to be read within two days: never collected with others, never held back."""

AUTHENTICATE = "authenticate"
REPLACE_METHOD = "replace_method"
TOLD_ACTIONS = frozenset({AUTHENTICATE, REPLACE_METHOD})
"""The actions that there are words for; customers are told of no other."""


def problem_id(attempt_id: str, kind: str) -> str:
    """What causes a message: an attempt that the customer was to confirm, and that then fails, is a second problem."""
    return f"{attempt_id}/{kind}"
