"""Why a change of a policy or of an assignment is refused."""

from __future__ import annotations

from collections.abc import Sequence

from allocation_service.domain.policies.policy_document import Fault


class PolicyNotFound(Exception):
    """There is no policy of this name."""


class PolicyExists(Exception):
    """There is a policy of this name; names are never used again."""


class DraftNotFound(Exception):
    """The policy has no draft."""


class VersionNotFound(Exception):
    """The policy has no such version."""


class VersionIsDraft(Exception):
    """A draft is not in force, so that it cannot be retired."""


class NothingToValidate(Exception):
    """The policy has neither a draft nor a version in force."""


class NoDraft(Exception):
    """The policy has no draft that could be put in force."""


class OtherDraft(Exception):
    """The draft is another version than the caller has read: ``version``."""

    def __init__(self, version: int) -> None:
        super().__init__(version)
        self.version = version


class UnsoundDraft(Exception):
    """The draft has faults; the pointers are places in it."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__(len(faults))
        self.faults = tuple(faults)


class UnsoundSort(Exception):
    """With this sort the policy is not sound; ``fault`` says why."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.detail)
        self.fault = fault


class WindowPassed(Exception):
    """The end of the window has passed already."""


class WindowReversed(Exception):
    """The window ends before it begins."""


class AssignedPolicyUnknown(Exception):
    """The policy to be assigned does not exist."""


class AssignedPolicyNeverActive(Exception):
    """The policy to be assigned was never in force: it has no version, or (``has_draft``) only a draft."""

    def __init__(self, policy: str, *, has_draft: bool) -> None:
        super().__init__(policy)
        self.policy = policy
        self.has_draft = has_draft


class AssignmentNotFound(Exception):
    """The target has no policy of its own."""


class OwnPolicyNotFound(Exception):
    """The SKU has no policy of its own."""


class DefaultIsKept(Exception):
    """The default applies wherever nothing else does: it can be set, and not removed."""
