"""Every language says the same things of the same reasons, and a caller gets the one it likes best."""

import string
from datetime import UTC, date, datetime
from typing import Any

import pytest

from allocation_service.adapters.store.reason_columns import columns_of, reason_of
from allocation_service.domain import reasons
from allocation_service.domain.decisions.position_facts import Meaning, position_facts
from allocation_service.domain.decisions.queue_position import Ahead, Cover, Held, Missing, Quantities, Receipt
from allocation_service.domain.policies.policy import Ageing, BetterTiers, Demand, Moment, Policy, Share, Sort
from allocation_service.domain.reasons import Reason, ReasonCode
from allocation_service.domain.runs.run import LeftAlone
from allocation_service.domain.runs.run_exceptions import ExceptionCode
from allocation_service.domain.runs.run_progress import ProgressCode
from allocation_service.entrypoints.http.language import preferred
from allocation_service.wording.catalogue import Catalogue
from allocation_service.wording.de import DE
from allocation_service.wording.en import EN
from allocation_service.wording.languages import LANGUAGES, catalogue_of
from allocation_service.wording.line_words import LineSituation, fact_in_words, obstacle, receipt_in_words, summary
from allocation_service.wording.reason_words import outcome_of, published_words, words_of

TODAY = date(2026, 6, 1)
LATER = date(2026, 6, 9)
EVERY_REASON = [
    reasons.GRANTED,
    reasons.RAN_OUT,
    reasons.PARTLY,
    reasons.held_back(0, "gold", 12, or_better=True).why,
    reasons.held_back(0, "platinum", 2, or_better=False).why.in_part(),
    reasons.used_up(0, "region", "north", 20).why,
    reasons.used_up(0, "channel", "web", 20).why.in_part(),
    reasons.kept_for_others(0).why,
    reasons.kept_for_others(0).why.in_part(),
    reasons.INCOMPLETE,
    reasons.kept_for_it(4),
    reasons.DEFERRED,
    reasons.BEHIND,
    reasons.TAKEN_BACK,
    *[reasons.shared_loss(share) for share in Share],
    reasons.RELEASED,
    reasons.UNDECIDED,
    reasons.DISCONTINUED,
    reasons.stock_only(1, 3),
    reasons.cap_reached(5),
    reasons.too_late(None, LATER),
    reasons.too_late(LATER, TODAY),
    reasons.OTHER_LINE_DECLINED,
    reasons.lent(2, LATER),
    reasons.borrowed(2, LATER),
    reasons.REPAID,
    *[reasons.moved_by_run(change, "win") for change in (1, -1, 0)],
    Reason(ReasonCode.UNRECOGNISED, {"text": "for the moon"}),
]
NAMES = [reason.code.value for reason in EVERY_REASON]


def fields(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name}


def test_every_reason_is_in_the_list() -> None:
    assert {reason.code for reason in EVERY_REASON} == set(ReasonCode)


@pytest.mark.parametrize("reason", EVERY_REASON, ids=NAMES)
def test_a_reason_is_stored_and_read_back_with_its_parameters(reason: Reason) -> None:
    code, parameters = columns_of(reason)
    again = reason_of("", code, parameters)
    assert again == reason
    assert again is not None
    types = {name: type(value) for name, value in reason.parameters.items()}
    assert {name: type(value) for name, value in again.parameters.items()} == types
    assert hash(again) == hash(reason)


def test_no_reason_has_no_columns_and_a_code_of_a_newer_version_is_kept_as_text() -> None:
    assert columns_of(None) == (None, None)
    assert reason_of("", None, None) is None
    assert reason_of("", "eclipse", '{"of": "the moon"}') == Reason(ReasonCode.UNRECOGNISED, {"text": "eclipse"})


def test_a_code_goes_before_a_text_that_is_left_from_before() -> None:
    assert reason_of("waits: supply ran out", "granted", None) == reasons.GRANTED


@pytest.mark.parametrize("catalogue", [EN, DE], ids=["en", "de"])
def test_a_language_has_every_template_and_each_says_all_that_english_says(catalogue: Catalogue) -> None:
    assert set(catalogue.reasons) == set(catalogue.causes) == set(ReasonCode)
    assert set(catalogue.facts) == set(Meaning)
    assert set(catalogue.left_alone) == set(LeftAlone)
    assert set(catalogue.exceptions) == set(ExceptionCode)
    assert set(catalogue.progress) == set(ProgressCode)
    assert len(catalogue.months) == 12
    assert set(catalogue.nouns) == set(EN.nouns)
    # What a parameter's value is called may differ from the value in some languages only.
    assert set(catalogue.terms) >= set(EN.terms)
    for name in ("reasons", "partial", "causes", "outcomes", "summary", "facts", "exceptions", "progress"):
        own: dict[Any, str] = getattr(catalogue, name)
        english: dict[Any, str] = getattr(EN, name)
        assert {key: fields(text) for key, text in own.items()} == {
            key: fields(text) for key, text in english.items()
        }, name


@pytest.mark.parametrize("reason", EVERY_REASON, ids=NAMES)
def test_every_reason_has_words_of_its_own_in_every_language(reason: Reason) -> None:
    for name, catalogue in LANGUAGES.items():
        texts = (words_of(reason, catalogue), outcome_of(reason, 3, 1, TODAY, catalogue))
        assert all(texts), name
        assert not any("{" in text for text in texts), name
        if name != "en" and reason.code is not ReasonCode.UNRECOGNISED:
            assert words_of(reason, catalogue) != published_words(reason)


def test_german_says_what_became_of_a_line() -> None:
    told = [
        outcome_of(reason, wanted, given, TODAY, DE)
        for reason, wanted, given in (
            (reasons.GRANTED, 1, 1),
            (reasons.GRANTED, 1_200, 1_200),
            (reasons.PARTLY, 3, 1),
            (reasons.RAN_OUT, 1, 0),
            (reasons.held_back(0, "gold", 12, or_better=True).why, 2, 0),
            (reasons.too_late(date(2027, 1, 2), LATER), 3, 0),
            (reasons.lent(2, LATER), 2, -2),
            (reasons.moved_by_run(0, "gain"), 2, 0),
            (None, 2, 0),
        )
    ]
    assert told == [
        "Sie erhielt die bestellte Einheit.",
        "Sie erhielt alle bestellten 1.200 Einheiten.",
        "Sie erhielt 1 von 3 Einheiten: der freie Bestand reichte nicht weiter.",
        "Sie erhielt nichts: der freie Bestand reichte nicht weiter.",
        "Sie erhielt keine von 2 Einheiten: 12 sind für Kunden der Stufe gold oder besser reserviert, deren Aufträge"
        " vor dem nächsten Wareneingang erwartet werden.",
        "Sie wurde abgelehnt: sie wird am 2. Januar 2027 erwartet, und der 9. Juni war der letzte annehmbare Termin.",
        "Sie verlieh 2 Einheiten: Rückgabe bis 9. Juni; die Position, die sie hat, ist vor dem nächsten Wareneingang"
        " fällig.",
        "Sie behält, was sie hatte: durch einen Lauf, nach der Strategie gain.",
        "Über die Position wurde noch nicht entschieden.",
    ]


def test_german_says_where_a_line_stands() -> None:
    receipt = Receipt(date(2026, 6, 5), 1, "p", "S", "HH", date(2026, 5, 29))
    waiting = LineSituation(
        TODAY,
        Quantities(5, allocated=2, queued=2, shipped=1),
        reasons.PARTLY,
        Ahead(4, 37),
        Cover(receipts=(receipt,), uncovered=1),
        held=Held(12, BetterTiers("gold", or_better=True), date(2026, 6, 3)),
    )
    assert summary(waiting, DE) == (
        "1 von 5 Einheiten versandt; 2 von 5 Einheiten zugeteilt; 2 Einheiten warten: 12 Einheiten bis 3. Juni"
        " reserviert für gold oder besser; hinter 4 Positionen (37 Einheiten) für den Wareneingang vom 5. Juni"
        " (1 Einheit) und einen noch nicht angekündigten (1 Einheit)"
    )
    whole = LineSituation(
        TODAY, Quantities(2, queued=2), reasons.INCOMPLETE, Ahead(0, 0), Cover(stock=2), ships_complete=True,
        missing=(Missing("o-2", "lamp", 3, None), Missing("o-3", "desk", 1, None)),
    )  # fmt: skip
    assert summary(whole, DE) == (
        "wartet: der Auftrag wird komplett geliefert und wartet auch auf 3 Einheiten von lamp und 1 Einheit von desk;"
        " als Nächste an der Reihe für den vorhandenen Bestand"
    )
    assert receipt_in_words(receipt, TODAY, DE) == (
        "1 Einheit aus Bestellposition p von S, erwartet am 5. Juni, angekündigt für den 29. Mai und überfällig"
    )
    others = obstacle(None, TODAY, DE, ships_complete=True, missing=2)
    assert others == "der Auftrag wird komplett geliefert; es fehlt noch: 2 andere Positionen"


def test_german_says_what_placed_a_line() -> None:
    now = datetime(2026, 6, 1, tzinfo=UTC)
    demand = Demand("l", "o", "A", 1, datetime(2026, 5, 2, tzinfo=UTC), 9, tier="bronze")
    facts = position_facts(demand, Policy(sort=Sort.PRIORITY, ageing=Ageing(6, 90)), Moment(now))
    assert [fact_in_words(one, DE) for one in facts] == [
        "Stufe 4 von 4, Gewicht 1; im Auftrag steht bronze, was diese Regel wie standard behandelt",
        "kein Tag, bis zu dem sie gebraucht wird: hinter denen ihrer Stufe, die einen haben",
        "seitdem in der Reihe; wer am längsten wartet, wird zuerst bedient",
    ]


def test_a_language_that_nobody_wrote_is_english() -> None:
    assert catalogue_of("fr") is EN


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"),
        ("de", "de"),
        ("DE-at", "de"),
        ("fr, de;q=0.5", "de"),
        ("de;q=0.5, en;q=0.8", "en"),
        ("en;q=0.5, de;q=0.8, fr", "de"),
        ("de;q=0", "en"),
        ("*", "en"),
        ("fr", "en"),
        ("de;q=high, , ;;", "en"),
        ("de; level=1", "de"),
    ],
)
def test_the_header_chooses_the_language_it_likes_best(header: str, language: str) -> None:
    assert preferred(header, LANGUAGES) == language
