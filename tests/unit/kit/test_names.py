"""Names that look alike are one name; names that look different stay different."""

import re
import unicodedata

import pytest

from service_kit.persistence.untidy_names import untidy
from service_kit.runtime.names import INVISIBLE, check_visible, in_one_form


@pytest.mark.parametrize("name", ["X", "LAMP-4", "a b", "Größe 5", "灯", "🛋️", "Lamp", "a  b", "½", "ﬁ"])
def test_a_name_in_one_form_stays_as_it_is(name: str) -> None:
    assert in_one_form(name) == name
    check_visible(name)


@pytest.mark.parametrize("space", [chr(code) for code in range(0x3100) if unicodedata.category(chr(code)) == "Zs"])
def test_every_space_is_a_plain_one_and_none_stands_at_the_ends(space: str) -> None:
    assert in_one_form(f"{space}a{space}b{space}{space}") == "a b"


def test_letters_are_composed() -> None:
    assert in_one_form("Cafe\u0301") == in_one_form("Caf\u00e9") == "Caf\u00e9"
    assert in_one_form("\u212b") == "\u00c5", "the sign for ångström is the letter"


@pytest.mark.parametrize(
    "code", [code for code in range(0xFFFE) if unicodedata.category(chr(code)) in ("Cc", "Cf", "Zl", "Zp")]
)
def test_every_control_and_formatting_character_is_refused(code: int) -> None:
    if code in range(0x600, 0x900) and code != 0x61C:
        pytest.skip("Arabic and Syriac signs of numbers are visible")
    with pytest.raises(ValueError, match="visible"):
        check_visible(f"a{chr(code)}b")


def test_reading_a_name_again_changes_nothing() -> None:
    for code in range(0xD800):
        once = in_one_form(f"{chr(code)}a\u0301{chr(code)}")
        assert in_one_form(once) == once


def test_the_database_and_the_code_know_the_same_characters() -> None:
    assert re.compile(f"[{INVISIBLE}]").search("\x00")
    assert "\\x00" not in untidy("sku")
    assert "\\u200b-\\u200f" in untidy("sku")
