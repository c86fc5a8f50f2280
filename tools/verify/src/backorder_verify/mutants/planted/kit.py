"""Mutants of the service kit: messaging, commands, access."""

from __future__ import annotations

from backorder_verify.mutants.mutant import Mutant

_MESSAGING = "shared/service-kit/src/service_kit/messaging"
_HTTP = "shared/service-kit/src/service_kit/http"
_COMMANDS = "shared/service-kit/src/service_kit/commands"

MUTANTS = (
    Mutant(
        "inbox-skips-one-type",
        "A receipt that is delivered again is handled again: the inbox is not asked about that one event type",
        f"{_MESSAGING}/batch_processor.py",
        "for incoming in reversed(free) if incoming.event_id in new}",
        'for incoming in reversed(free) if incoming.event_id in new or incoming.name == "StockReceived"}',
        ("tests/integration/kit/test_redelivery.py",),
    ),
    Mutant(
        "parked-keys-flow-on",
        "Later events of a parked key are handled, so that they overtake the one that is parked",
        f"{_MESSAGING}/batch_processor.py",
        "behind = [incoming for incoming in piece if incoming.place in parked]",
        "behind, parked = [], set()",
        ("tests/integration/kit/test_poison.py", "tests/integration/kit/test_parking.py"),
    ),
    Mutant(
        "unparked-with-events-left",
        "A key is unparked although events of it are still parked",
        f"{_MESSAGING}/parking.py",
        "    AND NOT EXISTS (SELECT FROM parked_event e WHERE e.consumer",
        "    AND NOT EXISTS (SELECT FROM parked_event e WHERE false AND e.consumer",
        ("tests/integration/kit/test_parking.py",),
    ),
    Mutant(
        "relay-deletes-unsent-rows",
        "The relay deletes outbox rows that it failed to send",
        f"{_MESSAGING}/relay.py",
        """            await self._failed(error, stopping)
            return
        failpoint""",
        """            await self._failed(error, stopping)
        failpoint""",
        ("tests/integration/kit/test_relay.py",),
    ),
    Mutant(
        "any-scope-is-enough",
        "A key that holds one of several scopes may do what needs all of them",
        f"{_HTTP}/authentication.py",
        """    for needed in scopes:
        if not principal.may(needed):
            raise _missing_scope(needed)""",
        """    if scopes and not any(principal.may(needed) for needed in scopes):
        raise _missing_scope(scopes[0])""",
        ("tests/unit/kit_web/test_auth.py",),
    ),
    Mutant(
        "if-match-ignored",
        "A change is made although it names another version than the present one",
        f"{_COMMANDS}/expected_version.py",
        "if current is None or (expected.versions is not None and current not in expected.versions):",
        "if current is None:",
        ("tests/unit/notification", "tests/unit/inventory"),
    ),
    Mutant(
        "refused-commands-keep-their-key",
        "The idempotency key of a refused command stays claimed, so that its corrected repeat is taken for the old one",
        f"{_COMMANDS}/idempotency.py",
        "    if claims:\n        await connection.execute(_RELEASE",
        "    if not claims:\n        await connection.execute(_RELEASE",
        ("tests/integration/kit_web/test_idempotency.py", "tests/integration/kit_web/test_command_batcher.py"),
    ),
)
"""Mutants of the service kit."""
