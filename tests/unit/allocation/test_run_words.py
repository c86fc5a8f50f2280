"""What runs say of lines and of themselves are codes; rows that have the English words of before are still read."""

from datetime import date

import pytest

from allocation_service.adapters.runs.run_columns import (
    exception_column,
    exception_of,
    left_alone_column,
    left_alone_of,
    progress_column,
    progress_of,
)
from allocation_service.domain.runs.run import LeftAlone
from allocation_service.domain.runs.run_exceptions import ExceptionCode, LineException
from allocation_service.domain.runs.run_progress import Progress, ProgressCode
from allocation_service.wording.de import DE
from allocation_service.wording.en import EN
from allocation_service.wording.run_words import exception_in_words, left_alone_in_words, progress_in_words

MARCH, APRIL = date(2026, 3, 10), date(2026, 4, 10)
UNITS = {"confirmed": 4, "requested": 5}
LEFT_ALONE = {
    "pinned: a person fixed it": LeftAlone.PINNED,
    "not decided about yet": LeftAlone.UNDECIDED,
    "its order is being decided by itself": LeftAlone.ORDER_DEFERRED,
    "it has lent or borrowed units that are to be repaid": LeftAlone.IN_LOAN,
    "its order ships complete and is not in one segment with all that is open of it": LeftAlone.ORDER_APART,
    "its order ships complete and holds a part": LeftAlone.ORDER_INCOMPLETE,
}
EXCEPTIONS = {
    "confirmed in full, but needed by 2026-03-10": LineException(ExceptionCode.CONFIRMED_LATE, {"needed_by": MARCH}),
    "4 of 5 confirmed, no date for the rest": LineException(ExceptionCode.SHORT_WITHOUT_DATE, UNITS),
    "4 of 5 confirmed, the rest comes on 2026-04-10 instead of by 2026-03-10": LineException(
        ExceptionCode.SHORT_AND_LATE, {**UNITS, "expected": APRIL, "due": MARCH}
    ),
    "4 of 5 confirmed, the rest comes on 2026-04-10": LineException(
        ExceptionCode.SHORT_AND_DATED, {**UNITS, "expected": APRIL}
    ),
    "the rest has no date": LineException(ExceptionCode.REST_WITHOUT_DATE),
    "the rest was promised for 2026-03-10, which has passed": LineException(
        ExceptionCode.PROMISE_PASSED, {"promised": MARCH}
    ),
}
PROGRESS = {
    "It cannot be planned: the service failed over it.": Progress(ProgressCode.CANNOT_BE_PLANNED),
    "reading the demand": Progress(ProgressCode.READING_DEMAND),
    "planning 250 demands": Progress(ProgressCode.PLANNING_DEMANDS, {"demands": 250}),
    "storing 250 lines": Progress(ProgressCode.STORING_LINES, {"lines": 250}),
    "done": Progress(ProgressCode.DONE),
    "More than 250,000 demands: have every segment name SKUs, or orders.": Progress(
        ProgressCode.TOO_MANY_DEMANDS, {"limit": 250_000}
    ),
}


def test_every_code_is_in_the_lists() -> None:
    assert {one.code for one in EXCEPTIONS.values()} == set(ExceptionCode)
    assert {one.code for one in PROGRESS.values()} == set(ProgressCode)


@pytest.mark.parametrize("words", LEFT_ALONE)
def test_why_a_line_is_left_alone_is_read_from_the_english_of_before_and_shown_in_the_same_words(words: str) -> None:
    assert left_alone_of(words) is LEFT_ALONE[words]
    assert left_alone_in_words(LEFT_ALONE[words], EN) == words


@pytest.mark.parametrize("words", EXCEPTIONS)
def test_an_exception_is_read_from_the_english_of_before_and_shown_in_the_same_words(words: str) -> None:
    assert exception_of(words) == EXCEPTIONS[words]
    assert exception_in_words(EXCEPTIONS[words], EN) == words


@pytest.mark.parametrize("words", PROGRESS)
def test_progress_is_read_from_the_english_of_before_and_shown_in_the_same_words(words: str) -> None:
    assert progress_of(words) == PROGRESS[words]
    assert progress_in_words(PROGRESS[words], EN) == words


@pytest.mark.parametrize("why", LeftAlone)
def test_why_a_line_is_left_alone_is_stored_as_its_code_and_has_words_in_every_language(why: LeftAlone) -> None:
    assert left_alone_of(left_alone_column(why)) is why
    assert left_alone_in_words(why, DE) not in ("", left_alone_in_words(why, EN))


@pytest.mark.parametrize("one", EXCEPTIONS.values(), ids=[one.code for one in EXCEPTIONS.values()])
def test_an_exception_is_stored_with_its_parameters_and_has_words_in_every_language(one: LineException) -> None:
    assert exception_of(exception_column(one)) == one
    assert exception_in_words(one, DE) not in ("", exception_in_words(one, EN))


@pytest.mark.parametrize("one", PROGRESS.values(), ids=[one.code for one in PROGRESS.values()])
def test_progress_is_stored_with_its_numbers_and_has_words_in_every_language(one: Progress) -> None:
    assert progress_of(progress_column(one)) == one
    assert progress_in_words(one, DE) not in ("", progress_in_words(one, EN))


def test_numbers_are_written_as_the_language_does() -> None:
    assert progress_in_words(PROGRESS["storing 250 lines"]._replace(parameters={"lines": 1}), EN) == "storing 1 line"
    limit = Progress(ProgressCode.TOO_MANY_DEMANDS, {"limit": 250_000})
    assert progress_in_words(limit, DE) == "Mehr als 250.000 Positionen: jedes Segment soll SKUs oder Aufträge nennen."


def test_nothing_is_nothing() -> None:
    assert (left_alone_column(None), exception_column(None)) == ("", "")
    assert left_alone_of("") is exception_of("") is progress_of("") is None
    assert left_alone_in_words(None, EN) == exception_in_words(None, EN) == progress_in_words(None, EN) == ""


def test_the_code_of_a_newer_version_is_shown_as_it_is() -> None:
    assert left_alone_in_words(left_alone_of("eclipse"), DE) == "eclipse"
    assert exception_in_words(exception_of('{"code":"eclipse","of":"the moon"}'), DE) == "eclipse"
    assert progress_in_words(progress_of("eclipse"), DE) == "eclipse"
