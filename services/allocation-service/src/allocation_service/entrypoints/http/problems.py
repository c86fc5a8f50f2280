"""What the errors of allocation are answered with over HTTP."""

from __future__ import annotations

from urllib.parse import quote

from allocation_service.application.decisions.explain_line import DemandNotFound
from allocation_service.application.decisions.read_decisions import DecisionNotFound
from allocation_service.application.policies import errors as policies
from allocation_service.application.promising.import_deliveries import DeliveriesRefused
from allocation_service.application.promising.promise_targets import SkuNotKnown
from allocation_service.application.runs import errors as runs
from allocation_service.application.simulations.request_simulations import (
    MOST_WAITING,
    SimulationNotFound,
    TooManySimulations,
)
from service_kit.http.errors import ProblemTable
from service_kit.http.problems import FieldError, Problem, conflict, not_found, unprocessable


def _unsound_draft(error: policies.UnsoundDraft) -> Problem:
    errors = [FieldError(fault.pointer, fault.detail) for fault in error.faults]
    return unprocessable(errors, f"The draft has {len(errors)} fault(s); the pointers are places in it.")


def _never_active(error: policies.AssignedPolicyNeverActive) -> Problem:
    path = f"/v1/policies/{quote(error.policy, safe=':')}"
    words = f"The policy {error.policy} has no version: write a draft (PUT {path}/draft) and activate it."
    if error.has_draft:
        words = f"The policy {error.policy} has only a draft: activate it first (POST {path}/activate)."
    return unprocessable([FieldError("/policy", words)])


def _field(pointer: str, words: str) -> Problem:
    return unprocessable([FieldError(pointer, words)])


PROBLEMS: ProblemTable = {
    DecisionNotFound: lambda _: not_found("decision"),
    DemandNotFound: lambda _: not_found("demand"),
    DeliveriesRefused: lambda error: unprocessable(
        [FieldError(f"/deliveries/{one.number}/{one.field}", one.detail) for one in error.faults]
    ),
    SkuNotKnown: lambda _: not_found("sku"),
    policies.PolicyNotFound: lambda _: not_found("policy"),
    policies.PolicyExists: lambda _: conflict(
        "policy_exists", "There is a policy of this name; names are never used again."
    ),
    policies.DraftNotFound: lambda _: not_found("draft"),
    policies.VersionNotFound: lambda _: not_found("version"),
    policies.VersionIsDraft: lambda _: conflict(
        "version_is_draft", "A draft is not in force; delete it instead.", state="draft"
    ),
    policies.NothingToValidate: lambda _: conflict(
        "nothing_to_validate", "There is neither a draft nor a version in force; send a document."
    ),
    policies.NoDraft: lambda _: conflict("no_draft", "There is no draft to put in force; write one first."),
    policies.OtherDraft: lambda error: conflict(
        "other_draft", f"The draft is version {error.version}; read it again.", version=error.version
    ),
    policies.UnsoundDraft: _unsound_draft,
    policies.UnsoundSort: lambda error: _field(
        "/sort", f"With this sort the policy is not sound: {error.fault.detail}"
    ),
    policies.WindowPassed: lambda _: _field("/valid_until", "It has passed already; give a later moment."),
    policies.WindowReversed: lambda _: _field("/valid_until", "It must be later than valid_from."),
    policies.AssignedPolicyUnknown: lambda _: _field("/policy", "There is no such policy; create it first."),
    policies.AssignedPolicyNeverActive: _never_active,
    policies.AssignmentNotFound: lambda _: not_found("assignment"),
    policies.OwnPolicyNotFound: lambda _: not_found("policy"),
    policies.DefaultIsKept: lambda _: conflict(
        "default_policy", "The default applies wherever nothing else does; set another instead."
    ),
    runs.RunNotFound: lambda _: not_found("run"),
    runs.RunNotPreviewed: lambda error: conflict(
        "run_not_previewed", "Only a run that has been previewed can be committed.", state=error.status
    ),
    runs.RunExpired: lambda _: conflict("run_expired", "The preview is too old. Make a new run.", state="expired"),
    runs.RunBusy: lambda _: conflict("run_busy", "Orders are being decided by themselves. Try again in a second."),
    runs.RunInputsChanged: lambda error: conflict(
        "run_inputs_changed",
        "What the preview went by has changed; nothing was done. Make a new run.",
        **error.changes,
    ),
    runs.LineNotFound: lambda _: not_found("order line"),
    runs.PinNotFound: lambda _: not_found("pin"),
    SimulationNotFound: lambda _: not_found("simulation"),
    TooManySimulations: lambda _: conflict(
        "too_many_simulations",
        f"{MOST_WAITING} simulations are waiting or running. Wait until one of them is done.",
    ),
}
