"""The list of mutants stays true: each can be planted, is found by tests that exist, and stands in the docs."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from backorder_verify.mutants.mutant import Mutant, NotPlantable
from backorder_verify.mutants.planted import MUTANTS

REPOSITORY = Path(__file__).parents[3]
EXAMPLE = Mutant("example", "An example", "a/src/b.py", "one", "two", ("tests/unit",))


@pytest.mark.parametrize("name", MUTANTS)
def test_every_mutant_can_be_planted_and_is_still_python(name: str) -> None:
    mutant = MUTANTS[name]
    source = (REPOSITORY / mutant.file).read_text()
    mutated = mutant.mutated(source)
    assert mutated != source
    ast.parse(mutated)


@pytest.mark.parametrize("name", MUTANTS)
def test_every_mutant_names_tests_that_exist(name: str) -> None:
    for test in MUTANTS[name].tests:
        assert (REPOSITORY / test.partition("::")[0]).exists(), test


def test_the_docs_list_every_mutant_and_no_other() -> None:
    page = (REPOSITORY / "docs" / "testing.md").read_text()
    rows = [line.split("|")[1].strip(" `") for line in page.splitlines() if line.startswith("| `")]
    assert rows == list(MUTANTS)


@pytest.mark.parametrize("source", ["three", "one one"])
def test_a_text_that_does_not_stand_exactly_once_is_refused(source: str) -> None:
    with pytest.raises(NotPlantable, match=r"a/src/b\.py has"):
        EXAMPLE.mutated(source)


def test_a_mutant_is_written_into_the_copy_alone(tmp_path: Path) -> None:
    original, copy = tmp_path / "a" / "src", tmp_path / "copy"
    original.mkdir(parents=True)
    copy.mkdir()
    (original / "b.py").write_text("one = 1\n")
    EXAMPLE.plant(tmp_path, copy)
    assert (copy / "b.py").read_text() == "two = 1\n"
    assert (original / "b.py").read_text() == "one = 1\n"
