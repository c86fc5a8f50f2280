"""German."""

from __future__ import annotations

from allocation_service.domain.decisions.position_facts import Meaning
from allocation_service.domain.reasons import ReasonCode
from allocation_service.domain.runs.run import LeftAlone
from allocation_service.domain.runs.run_exceptions import ExceptionCode
from allocation_service.domain.runs.run_progress import ProgressCode
from allocation_service.wording.catalogue import Catalogue, Noun

DE = Catalogue(
    language="de",
    months=(
        "Januar", "Februar", "März", "April", "Mai", "Juni",
        "Juli", "August", "September", "Oktober", "November", "Dezember",
    ),
    day="{day}. {month}",
    day_and_year="{day}. {month} {year}",
    thousands=".",
    nouns={
        "unit": Noun("Einheit", "Einheiten"),
        "line": Noun("Position", "Positionen"),
        "demand": Noun("Position", "Positionen"),
        "more line": Noun("weitere Position", "weitere Positionen"),
        "other line": Noun("andere Position", "andere Positionen"),
    },
    terms={
        "share:proportional": "anteilig",
        "share:max_min": "nach Max-Min",
        "share:uniform_losses": "gleichmäßig",
        "share:sequential": "der Reihe nach",
        "field:channel": "Kanal",
        "field:region": "Region",
        "or_better": "{tier} oder besser",
    },
    reasons={
        ReasonCode.GRANTED: "zugeteilt",
        ReasonCode.SUPPLY_RAN_OUT: "wartet: Bestand erschöpft",
        ReasonCode.HELD_BACK: "zurückgehalten für Kundenstufe {whom}: {kept} reserviert",
        ReasonCode.QUOTA_USED_UP: "wartet: Kontingent von {quota} für {field} {name} ausgeschöpft",
        ReasonCode.KEPT_FOR_PASSED_ORDER: "übergangen: Überholgrenze",
        ReasonCode.SHIPS_COMPLETE: "wartet: Auftrag wird komplett geliefert",
        ReasonCode.SHIPS_COMPLETE_STOCK_KEPT: (
            "wartet: Auftrag wird komplett geliefert, {passed}-mal überholt: sein Bestand ist reserviert"
        ),
        ReasonCode.DECIDED_SEPARATELY: "zurückgestellt: über den Auftrag wird als Ganzes einzeln entschieden",
        ReasonCode.BEHIND_DEFERRED_ORDER: "zurückgestellt: steht hinter einem Auftrag, der einzeln entschieden wird",
        ReasonCode.STOCK_SHORTFALL: "zurückgenommen: weniger Bestand als zugeteilt",
        ReasonCode.STOCK_SHORTFALL_SHARED: (
            "zurückgenommen: weniger Bestand als zugeteilt, der Verlust wird {share} geteilt"
        ),
        ReasonCode.NO_LONGER_COMPLETE: (
            "freigegeben: Auftrag wird komplett geliefert und ist nicht mehr vollständig"
        ),
        ReasonCode.SELLING_MODE_UNKNOWN: "unentschieden: Verkaufsart der SKU noch nicht bekannt",
        ReasonCode.DISCONTINUED: "abgelehnt: Artikel ausgelaufen",
        ReasonCode.STOCK_ONLY: "abgelehnt: Verkauf nur ab Lager, {available} von {requested} verfügbar",
        ReasonCode.BACKORDER_CAP_REACHED: "abgelehnt: Rückstandsgrenze von {cap} erreicht",
        ReasonCode.NO_PROMISE_DATE: "abgelehnt: kein Termin bekannt, spätestens annehmbar {acceptable}",
        ReasonCode.PROMISED_TOO_LATE: "abgelehnt: erwartet {expected}, spätestens annehmbar {acceptable}",
        ReasonCode.OTHER_LINE_DECLINED: (
            "abgelehnt: Auftrag wird komplett geliefert, und eine andere Position ist abgelehnt"
        ),
        ReasonCode.LENT: (
            "verliehen bis {due_back}: {units} an eine Position, die vor dem nächsten Wareneingang fällig ist"
        ),
        ReasonCode.BORROWED: "zugeteilt: {units} verliehen von einer Position, die sie am {needed_on} braucht",
        ReasonCode.LOAN_REPAID: "zugeteilt: das Verliehene kam zurück",
        ReasonCode.GRANTED_BY_RUN: "durch einen Lauf zugeteilt: {strategy}",
        ReasonCode.TAKEN_BACK_BY_RUN: "durch einen Lauf zurückgenommen: {strategy}",
        ReasonCode.UNCHANGED_BY_RUN: "durch einen Lauf nicht verändert: {strategy}",
        ReasonCode.UNRECOGNISED: "{text}",
    },
    partial={
        ReasonCode.SUPPLY_RAN_OUT: "teilweise: Bestand erschöpft",
        ReasonCode.HELD_BACK: "teilweise: zurückgehalten für Kundenstufe {whom}: {kept} reserviert",
        ReasonCode.QUOTA_USED_UP: "teilweise: Kontingent von {quota} für {field} {name} ausgeschöpft",
        ReasonCode.KEPT_FOR_PASSED_ORDER: "teilweise: Überholgrenze",
    },
    causes={
        ReasonCode.GRANTED: "zugeteilt",
        ReasonCode.SUPPLY_RAN_OUT: "der freie Bestand reichte nicht weiter",
        ReasonCode.HELD_BACK: (
            "{kept} sind für Kunden der Stufe {whom} reserviert, deren Aufträge vor dem nächsten Wareneingang"
            " erwartet werden"
        ),
        ReasonCode.QUOTA_USED_UP: (
            "das Kontingent von {quota} für {field} {name} ist seit dem letzten Wareneingang ausgeschöpft"
        ),
        ReasonCode.KEPT_FOR_PASSED_ORDER: (
            "der Bestand ist für einen Auftrag reserviert, der so oft überholt wurde, wie die Regel es erlaubt"
        ),
        ReasonCode.SHIPS_COMPLETE: "der Auftrag wird komplett geliefert und ist noch nicht vollständig verfügbar",
        ReasonCode.SHIPS_COMPLETE_STOCK_KEPT: (
            "der Auftrag wird komplett geliefert und ist noch nicht vollständig verfügbar;"
            " er wurde {passed}-mal überholt, und sein Bestand ist jetzt reserviert"
        ),
        ReasonCode.DECIDED_SEPARATELY: "über den Auftrag wurde einzeln entschieden, mit allen seinen Artikeln zusammen",
        ReasonCode.BEHIND_DEFERRED_ORDER: "über einen Auftrag vor ihr war noch einzeln zu entscheiden",
        ReasonCode.STOCK_SHORTFALL: (
            "es gab weniger Bestand, als zugeteilt war, und die Letzten in der Reihe geben zuerst zurück"
        ),
        ReasonCode.STOCK_SHORTFALL_SHARED: (
            "es gab weniger Bestand, als zugeteilt war, und ihre Klasse teilt den Verlust {share}"
        ),
        ReasonCode.NO_LONGER_COMPLETE: "der Auftrag wird komplett geliefert und war nicht mehr vollständig verfügbar",
        ReasonCode.SELLING_MODE_UNKNOWN: "die Verkaufsart des Artikels ist noch nicht bekannt gegeben",
        ReasonCode.DISCONTINUED: "der Artikel ist ausgelaufen",
        ReasonCode.STOCK_ONLY: (
            "der Artikel wird nur ab Lager verkauft, und {available} von {requested} Einheiten waren vorhanden"
        ),
        ReasonCode.BACKORDER_CAP_REACHED: (
            "höchstens {cap} Einheiten des Artikels dürfen warten, und mit diesen wären es mehr"
        ),
        ReasonCode.NO_PROMISE_DATE: (
            "für sie kann kein Termin genannt werden, und der {acceptable} war der letzte annehmbare"
        ),
        ReasonCode.PROMISED_TOO_LATE: (
            "sie wird am {expected} erwartet, und der {acceptable} war der letzte annehmbare Termin"
        ),
        ReasonCode.OTHER_LINE_DECLINED: (
            "der Auftrag wird komplett geliefert, und eine andere seiner Positionen wurde abgelehnt"
        ),
        ReasonCode.LENT: (
            "Rückgabe bis {due_back}; die Position, die sie hat, ist vor dem nächsten Wareneingang fällig"
        ),
        ReasonCode.BORROWED: "verliehen von einer Position, die sie am {needed_on} braucht",
        ReasonCode.LOAN_REPAID: "das Verliehene kam zurück",
        ReasonCode.GRANTED_BY_RUN: "durch einen Lauf, nach der Strategie {strategy}",
        ReasonCode.TAKEN_BACK_BY_RUN: "durch einen Lauf, nach der Strategie {strategy}",
        ReasonCode.UNCHANGED_BY_RUN: "durch einen Lauf, nach der Strategie {strategy}",
        ReasonCode.UNRECOGNISED: "{text}",
    },
    outcomes={
        "nothing decided": "Über die Position wurde noch nicht entschieden.",
        "the unit": "Sie erhielt die bestellte Einheit.",
        "all units": "Sie erhielt alle bestellten {wanted}.",
        "lent": "Sie verlieh {given}: {cause}.",
        "gave back": "Sie gab {given} zurück: {cause}.",
        "declined": "Sie wurde abgelehnt: {cause}.",
        "unchanged": "Sie behält, was sie hatte: {cause}.",
        "some": "Sie erhielt {given} von {wanted}: {cause}.",
        "none": "Sie erhielt keine von {wanted}: {cause}.",
        "nothing": "Sie erhielt nichts: {cause}.",
    },
    summary={
        "list": "{rest} und {last}",
        "some of": "{units} von {all}",
        "the only one": "die Einheit",
        "all of them": "alle {all}",
        "shipped": "{units} versandt",
        "allocated": "{units} zugeteilt",
        "undecided": "{units} noch nicht entschieden: {cause}",
        "just ordered": "gerade bestellt",
        "waits": "wartet: {clauses}",
        "some wait, one": "{units} wartet: {clauses}",
        "some wait": "{units} warten: {clauses}",
        "declined": "{units} abgelehnt",
        "declined because": "{units} abgelehnt: {cause}",
        "cancelled": "{units} storniert",
        "kept": "{units} reserviert für {whom}",
        "kept until": "{units} bis {until} reserviert für {whom}",
        "ships complete": "der Auftrag wird komplett geliefert",
        "ships complete with": "der Auftrag wird komplett geliefert und wartet auch auf {missing}",
        "ships complete with others": "der Auftrag wird komplett geliefert; es fehlt noch: {lines}",
        "missing": "{units} von {sku}",
        "in line": "in der Reihe",
        "behind": "hinter {lines} ({units})",
        "next": "als Nächste an der Reihe",
        "for a source": "{place} für {source}",
        "without a receipt": "{place}; {why}",
        "stock": "den vorhandenen Bestand",
        "receipt": "den Wareneingang vom {day}",
        "part of a receipt": "den Wareneingang vom {day} ({units})",
        "not announced": "einen noch nicht angekündigten ({units})",
        "no date": "kein angekündigter Wareneingang reicht für sie, und kein Termin kann genannt werden",
        "date passed": (
            "kein angekündigter Wareneingang reicht für sie, und der {day}, für den sie zugesagt war, ist vorbei"
        ),
        "by lead time": "kein angekündigter Wareneingang reicht für sie; nach der Lieferzeit ist sie am {day} fällig",
        "delivery": "{units} aus Bestellposition {po_line} von {supplier}, erwartet am {day}",
        "late delivery": (
            "{units} aus Bestellposition {po_line} von {supplier}, erwartet am {day},"
            " angekündigt für den {announced} und überfällig"
        ),
    },
    left_alone={
        LeftAlone.PINNED: "fixiert: jemand hat sie festgelegt",
        LeftAlone.UNDECIDED: "noch nicht entschieden",
        LeftAlone.ORDER_DEFERRED: "über ihren Auftrag wird gerade eigens entschieden",
        LeftAlone.IN_LOAN: "sie hat Einheiten verliehen oder geliehen, die zurückzugeben sind",
        LeftAlone.LOCATION_INACTIVE: "ihr Bestand liegt an einem Lagerort, der nicht mehr aktiv ist",
        LeftAlone.ORDER_APART: "ihr Auftrag geht nur vollständig ab und liegt nicht mit allem Offenen in einem Segment",
        LeftAlone.ORDER_INCOMPLETE: "ihr Auftrag geht nur vollständig ab und hält einen Teil",
    },
    exceptions={
        ExceptionCode.CONFIRMED_LATE: "ganz bestätigt, aber gebraucht bis {needed_by}",
        ExceptionCode.SHORT_WITHOUT_DATE: "{confirmed} von {requested} bestätigt, kein Termin für den Rest",
        ExceptionCode.SHORT_AND_LATE: (
            "{confirmed} von {requested} bestätigt, der Rest kommt am {expected} statt bis {due}"
        ),
        ExceptionCode.SHORT_AND_DATED: "{confirmed} von {requested} bestätigt, der Rest kommt am {expected}",
        ExceptionCode.REST_WITHOUT_DATE: "der Rest hat keinen Termin",
        ExceptionCode.PROMISE_PASSED: "der Rest war für {promised} zugesagt, und der Tag ist vorbei",
    },
    progress={
        ProgressCode.READING_DEMAND: "die offenen Positionen werden gelesen",
        ProgressCode.PLANNING_DEMANDS: "geplant wird: {demands}",
        ProgressCode.STORING_LINES: "gespeichert wird: {lines}",
        ProgressCode.DONE: "fertig",
        ProgressCode.CANNOT_BE_PLANNED: "Der Lauf kann nicht geplant werden: Der Dienst ist daran gescheitert.",
        ProgressCode.TOO_MANY_DEMANDS: (
            "Mehr als {limit} Positionen: jedes Segment soll SKUs oder Aufträge nennen."
        ),
    },
    facts={
        Meaning.VALUE: (
            "gewichtete Tage, die es kostet, eine Einheit bis zum nächsten Wareneingang warten zu lassen:"
            " die teuerste wird zuerst bedient"
        ),
        Meaning.JOINED: "seitdem in der Reihe; wer am längsten wartet, wird zuerst bedient",
        Meaning.UNIT_VALUE: "Preis einer Einheit in kleinster Währungseinheit: teurere zählen mehr",
        Meaning.BYPASSED: (
            "so oft wurden andere vor dem Auftrag bedient; ab {limit}-mal wird sein Bestand für ihn reserviert"
        ),
        Meaning.PROMISE_PASSED: "für einen Tag zugesagt, der vorbei ist: wird vor den anderen bedient",
        Meaning.PROMISE_IN_TURN: (
            "für dann zugesagt: wird vor allen mit späterer Zusage bedient, damit die Zusage gehalten wird"
        ),
        Meaning.PROMISE_BEFORE_RECEIPT: "für vor dem nächsten Wareneingang zugesagt: wird vor den anderen bedient",
        Meaning.PROMISE_WITHOUT_RECEIPT: "zugesagt, und kein Wareneingang ist bekannt: wird vor den anderen bedient",
        Meaning.AGED: "mehr als {days} Tage: kommt an die Spitze",
        Meaning.TIER: "Stufe {number} von {tiers}, Gewicht {weight}",
        Meaning.TIER_UNKNOWN: "die Stufe {own!r} ist hier nicht bekannt: sie zählt als {counts_as}",
        Meaning.TIER_TREATED_AS: "im Auftrag steht {own}, was diese Regel wie {counts_as} behandelt",
        Meaning.TIER_RAISED: "nach so langem Warten zählt sie als {counts_as}",
        Meaning.DUE_AS_NEEDED: "der Tag, bis zu dem sie gebraucht wird; der früheste wird zuerst bedient",
        Meaning.DUE_BY_TIER: (
            "{days} Tage nach der Bestellung, wie {tier} es erwarten darf; der früheste wird zuerst bedient"
        ),
        Meaning.NEEDED_BY: (
            "der Tag, bis zu dem sie gebraucht wird; der früheste einer Stufe wird zuerst bedient"
        ),
        Meaning.NEEDED_BY_NONE: (
            "kein Tag, bis zu dem sie gebraucht wird: hinter denen ihrer Stufe, die einen haben"
        ),
        Meaning.SHARE_PROPORTIONAL: "reicht der Bestand nicht für eine ganze Klasse, erhält jede ihren Anteil",
        Meaning.SHARE_MAX_MIN: (
            "reicht der Bestand nicht für eine ganze Klasse, gewinnen Kunden nach Gewicht gleichmäßig,"
            " bis er verbraucht ist"
        ),
        Meaning.SHARE_UNIFORM_LOSSES: (
            "reicht der Bestand nicht für eine ganze Klasse, verlieren alle gleich viele Einheiten"
        ),
    },
)  # fmt: skip
