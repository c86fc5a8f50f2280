"""The lists of invariants, as people read them."""

from __future__ import annotations

from collections import Counter

from backorder_verify.check.all_invariants import INVARIANTS


def test_every_invariant_has_a_name_of_its_own() -> None:
    assert [name for name, times in Counter(each.name for each in INVARIANTS).items() if times > 1] == []


def test_every_meaning_is_one_sentence_that_also_says_what_happens_otherwise() -> None:
    for each in INVARIANTS:
        assert each.meaning[0].isupper(), each.name
        assert each.meaning.endswith("."), each.name
        assert "; otherwise " in each.meaning, each.name
