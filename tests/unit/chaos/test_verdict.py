"""What the chaos run concludes from its findings."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

from backorder_local.data_directory import DataDirectory
from backorder_verify.chaos.client_record import ClientRecord
from backorder_verify.chaos.discrepancies import Discrepancies, difference
from backorder_verify.chaos.faults import Faults
from backorder_verify.chaos.fleet import Fleet
from backorder_verify.chaos.report import CATEGORIES, Outcome
from backorder_verify.check.all_invariants import INVARIANTS
from backorder_verify.check.runner import Finding, Verdict
from backorder_verify.check.snapshot import SystemSnapshot
from backorder_verify.check.system_invariant import SystemInvariant
from service_kit.persistence.invariant import Violation


async def _nothing(_: SystemSnapshot) -> AsyncIterator[Violation]:
    return
    yield


def outcome(
    *,
    discrepancies: Discrepancies | None = None,
    broken: dict[str, int] | None = None,
    record: ClientRecord | None = None,
) -> Outcome:
    findings = [Finding(SystemInvariant(name, "", _nothing), count, (), 0.0) for name, count in (broken or {}).items()]
    return Outcome(
        seed=1,
        plant=None,
        kills=Counter({"service killed": 2}),
        recoveries=[3.0, 5.0, 20.0],
        waited_for=Counter(),
        not_recovered=0,
        record=record or ClientRecord(),
        discrepancies=discrepancies or Discrepancies((), ()),
        verdict=Verdict(tuple(findings), at_rest=True),
        events={},
        unexpected_exits=Counter(),
        seconds=60.0,
    )


def test_a_missing_document_is_lost_and_one_that_was_never_acknowledged_exists_twice() -> None:
    acknowledged = {"order a": "1", "order b": "2", "order c": "3"}
    stored = {"order a": "1", "order b": "other", "order d": "4"}
    assert difference(acknowledged, stored) == Discrepancies(lost=("order b", "order c"), twice=("order d",))


def test_a_run_without_findings_holds() -> None:
    assert outcome().holds
    assert outcome().recovery() == {"median": 5.0, "max": 20.0, "measured": 3}


def test_each_finding_breaks_the_verdict_and_is_counted_under_its_name() -> None:
    record = ClientRecord(wrong=["place when sent again: 409 reference_taken"], unanswered=["place"])
    found = outcome(
        discrepancies=Discrepancies(("order a",), ("order b", "order c")),
        broken={
            "every record handled": 5,
            "grants within stock": 7,
            "nothing parked": 1,
            "allocation: no idle stock": 2,
        },
        record=record,
    )
    assert not found.holds
    assert found.counts == {
        "lost": 7,
        "twice": 2,
        "oversold": 7,
        "parked": 1,
        "other invariants": 2,
        "wrong answers": 1,
        "never recovered": 0,
    }


def test_every_invariant_that_is_counted_by_its_name_exists() -> None:
    counted = [name for names in CATEGORIES.values() for name in names]
    assert len(counted) == len(set(counted))
    assert set(counted) <= {invariant.name for invariant in INVARIANTS}


def test_the_same_seed_draws_the_same_kinds_and_every_kind_comes_up(tmp_path: Path) -> None:
    def drawn(seed: int) -> list[str]:
        faults = Faults(Fleet(DataDirectory(tmp_path)), seed, 1.0)
        return [faults.draw() for _ in range(36)]

    assert drawn(1) == drawn(1)
    assert drawn(1) != drawn(2)
    assert len(set(drawn(1)[:18])) == 15
