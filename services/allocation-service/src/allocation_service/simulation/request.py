"""What a caller may ask of a simulation, in words that need no numerical library."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Any, NamedTuple

from allocation_service.domain.policies.policy_document import Fault, policy_from, validate
from allocation_service.domain.policies.policy_shape import shape_faults
from allocation_service.simulation.setting import SCENARIOS, TIERS, Scenario, Size


class PolicyName(StrEnum):
    """The policies that a benchmark knows by name: the service's own, and the sort keys of known open systems."""

    FIFO = "fifo"
    PRIORITY = "priority"
    EARLIEST_DUE = "earliest-due"
    INDEX = "index"
    INDEX_HOLDBACK = "index+holdback"
    INDEX_HOLDBACK_AGEING = "index+holdback+ageing"
    UNDATED = "index+holdback undated"
    ODOO = "odoo"
    OFBIZ = "ofbiz"
    SPREE = "spree"


DEFAULT_POLICIES = tuple(name.value for name in PolicyName)

Documents = Mapping[str, Mapping[str, Any]]
"""Policies of the caller's own by name, as ``domain.policy_document`` describes them."""

LARGEST = 1_000_000
"""SKU-days that one request over HTTP may ask for: seeds times SKUs times days times scenarios."""


class ScenarioName(StrEnum):
    """How short supply is."""

    SEVERE = "severe"
    MODERATE = "moderate"


class Asked(NamedTuple):
    """A simulation in plain terms; both scenarios unless stated. ``documents`` are policies beside the named ones."""

    policies: tuple[str, ...] = DEFAULT_POLICIES
    scenarios: tuple[str, ...] = tuple(SCENARIOS)
    patience_from_due: bool = True
    size: Size = Size()
    documents: Documents = MappingProxyType({})

    @property
    def sku_days(self) -> int:
        """How much work it is."""
        return self.size.seeds * self.size.skus * self.size.days * len(self.scenarios)

    @property
    def worlds(self) -> int:
        """How many worlds are simulated."""
        return self.size.seeds * len(self.scenarios)

    def chosen_scenarios(self) -> tuple[Scenario, ...]:
        """The scenarios with their settings."""
        return tuple(SCENARIOS[name]._replace(patience_from_due=self.patience_from_due) for name in self.scenarios)


def document_of(asked: Asked) -> dict[str, Any]:
    """Plain JSON."""
    return {
        "policies": list(asked.policies),
        "scenarios": list(asked.scenarios),
        "patience_from": "due" if asked.patience_from_due else "order",
        **asked.size._asdict(),
        "documents": {name: dict(document) for name, document in asked.documents.items()},
    }


def asked_from(document: Mapping[str, Any]) -> Asked:
    """The way back from ``document_of``."""
    return Asked(
        tuple(document["policies"]),
        tuple(document["scenarios"]),
        document["patience_from"] == "due",
        Size(*(document[field] for field in Size._fields)),
        document["documents"],
    )


def faults_of(documents: Documents) -> list[Fault]:
    """What is wrong with policies of the caller's own; pointers begin with the policy's name."""
    faults = []
    for name, document in documents.items():
        if name in set(PolicyName):
            faults.append(Fault(f"/{name}", "There is a policy of this name already; choose another."))
        found = shape_faults(fields_of(document)) or validate(policy_from(fields_of(document)))
        faults += [Fault(f"/{name}{fault.pointer}", fault.detail) for fault in found]
    return faults


def warnings_of(documents: Documents) -> list[Fault]:
    """Where policies that can be simulated may not do what was meant; pointers as those of ``faults_of``."""
    simulated = [tier.name for tier in TIERS]
    words = (
        f"The simulated tiers are {', '.join(simulated)}. Tiers count by their place, the best first: name the same"
        " ones in the same order, or leave them out; otherwise customers are treated as another tier."
    )
    return [
        Fault(f"/{name}/tiers", words)
        for name, document in documents.items()
        if "tiers" in fields_of(document) and [tier["name"] for tier in document["tiers"]] != simulated
    ]


def fields_of(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a document says: tiers that are null are as those left out, as in the API of policies."""
    if not isinstance(document, Mapping) or document.get("tiers", ()) is not None:
        return document
    return {name: value for name, value in document.items() if name != "tiers"}
