"""Why a run leaves a line alone is a code; rows that have its English words of before are still read."""

import pytest

from allocation_service.domain.decisions.english_notes import recorded_left_alone
from allocation_service.domain.runs.run import LeftAlone
from allocation_service.wording.de import DE
from allocation_service.wording.en import EN
from allocation_service.wording.reason_words import left_alone_in_words

STORED_BEFORE = {
    "pinned: a person fixed it": LeftAlone.PINNED,
    "not decided about yet": LeftAlone.UNDECIDED,
    "its order is being decided by itself": LeftAlone.ORDER_DEFERRED,
    "it has lent or borrowed units that are to be repaid": LeftAlone.IN_LOAN,
    "its order ships complete and is not in one segment with all that is open of it": LeftAlone.ORDER_APART,
    "its order ships complete and holds a part": LeftAlone.ORDER_INCOMPLETE,
}


@pytest.mark.parametrize("words", STORED_BEFORE)
def test_what_was_stored_in_english_is_read_as_its_code_and_shown_in_the_same_words(words: str) -> None:
    assert recorded_left_alone(words) is STORED_BEFORE[words]
    assert left_alone_in_words(STORED_BEFORE[words], EN) == words


@pytest.mark.parametrize("why", LeftAlone)
def test_a_code_is_read_back_and_has_words_in_every_language(why: LeftAlone) -> None:
    assert recorded_left_alone(str(why)) is why
    assert left_alone_in_words(why, DE) not in ("", left_alone_in_words(why, EN))


def test_nothing_is_nothing_and_the_code_of_a_newer_version_is_shown_as_it_is() -> None:
    assert recorded_left_alone("") is None
    assert left_alone_in_words(None, EN) == ""
    assert left_alone_in_words(recorded_left_alone("eclipse"), DE) == "eclipse"
