"""What refusals about payments are answered with."""

from __future__ import annotations

from order_service.application.payments.errors import (
    AttemptEnded,
    ForgedEvent,
    HoldIsOver,
    NobodyToAct,
    NoForm,
    NotReportedByApi,
    PaymentNotFound,
    ProviderDown,
    UnknownProvider,
)
from order_service.domain.payments.errors import ConcessionTooLarge, UnknownAttempt
from service_kit.http.errors import ProblemTable
from service_kit.http.problems import FieldError, Problem, conflict, not_found, unprocessable


def _unknown_provider(error: UnknownProvider) -> Problem:
    known = ", ".join(error.known)
    return unprocessable([FieldError(error.pointer, f"There is no such provider here; there are: {known}.")])


def _not_reported(_: NotReportedByApi) -> Problem:
    return conflict("not_reported_by_api", "The provider of this payment is asked by this service itself.")


def _nobody_to_act(error: NobodyToAct) -> Problem:
    detail = f"Nobody authenticates a {error.kind}: report pending until it is known to have succeeded or failed."
    return unprocessable([FieldError("/outcome", detail)])


def _hold_is_over(_: HoldIsOver) -> Problem:
    return unprocessable([FieldError("/hold_ends_at", "It has passed: report the hold as cancelled.")])


def _no_form(_: NoForm) -> Problem:
    detail = "It has no form to show: place the order with your own name of the account as its payment.token."
    return unprocessable([FieldError("/provider", detail)])


def _ended(error: AttemptEnded) -> Problem:
    return conflict("attempt_ended", f"The attempt has ended: {error.state}.", state=error.state)


def _too_large(error: ConcessionTooLarge) -> Problem:
    return conflict("refund_too_large", f"At most {error.most} minor units can be given back.", most=error.most)


def _forged(error: ForgedEvent) -> Problem:
    return Problem(400, "signature_invalid", "Bad request", str(error))


def _down(_: ProviderDown) -> Problem:
    problem = Problem(503, "provider_unavailable", "Unavailable", "The provider cannot be reached: repeat the request.")
    problem.headers["Retry-After"] = "5"
    return problem


PAYMENT_PROBLEMS: ProblemTable = {
    PaymentNotFound: lambda _: not_found("payment"),
    UnknownAttempt: lambda _: unprocessable([FieldError("/attempt_id", "The payment has no such attempt.")]),
    UnknownProvider: _unknown_provider,
    HoldIsOver: _hold_is_over,
    NobodyToAct: _nobody_to_act,
    NoForm: _no_form,
    NotReportedByApi: _not_reported,
    AttemptEnded: _ended,
    ConcessionTooLarge: _too_large,
    ForgedEvent: _forged,
    ProviderDown: _down,
}
