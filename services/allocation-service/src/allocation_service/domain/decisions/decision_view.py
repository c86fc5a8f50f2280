"""A stored decision as it is shown: whole policies, the key of every demand, what each one got."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from allocation_service.domain.allocating.deallocation import holding_from
from allocation_service.domain.decisions.recorded_fill import StoredLine, moment_of
from allocation_service.domain.decisions.replaying import shown_facts
from allocation_service.domain.policies.policy_document import policy_document, policy_from
from allocation_service.domain.policies.sorting import sort_key


def shown_line(step: Mapping[str, Any] | None, line: StoredLine, now: datetime) -> dict[str, Any]:
    """What was known of a demand, its key and its grants; of a summarised decision (no step), as it is stored."""
    if step is None:
        return dict(line.facts)
    facts = shown_facts(step, line, now)
    if step["kind"] == "take_back":
        holding = holding_from(line.facts)
        facts["key"] = list(sort_key(holding, policy_from(step["policy"]), moment_of(step, now)))
        facts["location"] = step["location"]
    return facts


def policies_used(steps: Sequence[Mapping[str, Any]]) -> list[tuple[int, dict[str, Any]]]:
    """The policy each step went by, whole, with the step's number.

    Steps of the kind ``place`` keep name and version of each policy they followed, and the older of them nothing. Steps
    that ask no policy are left out.
    """
    used: list[tuple[int, dict[str, Any]]] = []
    for number, step in enumerate(steps):
        if step.get("policy") is not None:
            used.append((number, policy_document(policy_from(step["policy"]))))
        followed = {(one["name"], one["version"]) for one in step.get("followed", {}).values()}
        used += [(number, {"name": name, "version": version}) for name, version in sorted(followed)]
    return used
