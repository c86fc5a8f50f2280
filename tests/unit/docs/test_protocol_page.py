"""docs/protocol.md numbers its rules without gaps, and its tests and the code's references to it exist."""

import re

from tests.unit.docs.pages import ROOT, SOURCES, functions_of, page, python_files

PAGE = page("docs/protocol.md")
RULES = [int(number) for number in re.findall(r"^### (\d+)\. ", PAGE, re.MULTILINE)]
NAMED_TESTS = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)
REFERENCE = re.compile(r"\b[Rr]ules? (\d+(?:(?:, | and )\d+)*)")


def _sections() -> dict[int, str]:
    parts = re.split(r"^### (\d+)\. ", PAGE.split("\n## Fields")[0], flags=re.MULTILINE)
    return {int(number): text for number, text in zip(parts[1::2], parts[2::2], strict=True)}


def test_rules_are_numbered_from_1_without_gaps():
    first, last = 1, 25
    assert list(range(first, last + 1)) == RULES


def test_every_rule_has_a_reason_and_a_test_or_a_known_gap():
    incomplete = [
        number
        for number, text in _sections().items()
        if "**Why.**" not in text or not ("**Held by**" in text or "**Known gap.**" in text)
    ]
    assert incomplete == []


def test_every_test_that_the_page_names_exists():
    missing = [f"{file}::{name}" for file, name in NAMED_TESTS if name not in functions_of(ROOT / file)]
    assert len(NAMED_TESTS) > 50
    assert missing == []


def test_every_rule_that_code_and_tests_refer_to_is_on_the_page():
    unknown = [
        f"{file.relative_to(ROOT)}: rule {number}"
        for file in python_files(*SOURCES)
        for numbers in REFERENCE.findall(file.read_text(encoding="utf-8"))
        for number in re.findall(r"\d+", numbers)
        if int(number) not in RULES
    ]
    assert unknown == []


def test_a_test_named_after_a_rule_is_named_at_that_rule():
    """Tests called ``test_rule_<number>_...`` and the page's sections belong to each other."""
    files = [
        ROOT / "tests" / one
        for one in ("unit/allocation/test_protocol_rules.py", "integration/allocation/test_two_workers.py")
    ]
    tests = [name for file in files for name in functions_of(file) if name.startswith("test_rule_")]
    sections = _sections()
    absent = [name for name in tests if f"::{name}`" not in sections[int(name.split("_")[2])]]
    assert tests
    assert absent == []
