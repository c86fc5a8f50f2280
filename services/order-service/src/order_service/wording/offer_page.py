"""The page that the link of a notice opens: what is offered, what silence means, and a form to answer. English, German.

It has no scripts and loads nothing. Only its form answers: programs that open links to look for harm do not send it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from html import escape
from zoneinfo import ZoneInfo

from order_service.domain.promises.records import Offer, OfferState, SilenceMeans

LANGUAGES = ("en", "de")

_TEXTS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "title": "Delay of your order {reference}",
        "line": "{units} × {sku}: instead of {from_date} now {to_date}",
        "no_date": "without a date that we can name",
        "an_earlier_day": "the day that was named",
        "consent": "If we hear nothing from you by {respond_by}, we take it that you accept the delay.",
        "cancellation": "If we hear nothing from you by {respond_by}, these items are cancelled unless they were"
        " shipped by then, and you get your money back.",
        "nothing": "Your rights stay as they are if you do not answer. You may also set us a time by which to deliver.",
        "refund": "If you cancel, what you paid for these items goes back the way you paid it.",
        "unknown_delay": "If you agree to wait without a date, you may still cancel at any time before shipment.",
        "wait": "I will wait",
        "cancel": "Cancel these items",
        "until": "Deliver by",
        "grant_until": "I will wait until this day",
        "consented": "You have agreed to wait.",
        "refused": "You have cancelled these items. Your money goes back the way you paid.",
        "lapsed": "The time to answer is over.",
        "superseded": "This offer no longer holds: there is a newer one, or these items are settled.",
        "not_taken": "Your answer was not taken: {why}",
        "choose": "choose one of the answers.",
        "closed_link": "This link is not valid, or not any more.",
    },
    "de": {
        "title": "Verspätung Ihrer Bestellung {reference}",
        "line": "{units} × {sku}: statt {from_date} jetzt {to_date}",
        "no_date": "ohne Termin, den wir nennen können",
        "an_earlier_day": "dem genannten Tag",
        "consent": "Hören wir bis {respond_by} nichts von Ihnen, gilt die Verspätung als angenommen.",
        "cancellation": "Hören wir bis {respond_by} nichts von Ihnen, werden diese Artikel storniert, wenn sie nicht"
        " bis dahin versandt sind, und Sie erhalten Ihr Geld zurück.",
        "nothing": "Wenn Sie nicht antworten, bleiben Ihre Rechte unverändert. Sie können uns auch eine Frist setzen.",
        "refund": "Wenn Sie stornieren, geht der Kaufpreis auf dem Weg zurück, auf dem Sie bezahlt haben.",
        "unknown_delay": "Wenn Sie ohne Termin warten, können Sie bis zum Versand jederzeit stornieren.",
        "wait": "Ich warte",
        "cancel": "Diese Artikel stornieren",
        "until": "Lieferung bis",
        "grant_until": "Ich warte bis zu diesem Tag",
        "consented": "Sie haben zugestimmt zu warten.",
        "refused": "Sie haben diese Artikel storniert. Ihr Geld geht auf dem Zahlungsweg zurück.",
        "lapsed": "Die Frist für die Antwort ist abgelaufen.",
        "superseded": "Dieses Angebot gilt nicht mehr: es gibt ein neueres, oder die Artikel sind erledigt.",
        "not_taken": "Ihre Antwort wurde nicht angenommen: {why}",
        "choose": "wählen Sie eine der Antworten.",
        "closed_link": "Dieser Link ist nicht oder nicht mehr gültig.",
    },
}

_STYLE = "body{font:1.1rem/1.5 system-ui,sans-serif;max-width:40rem;margin:2rem auto;padding:0 1rem}"


@dataclass(frozen=True, slots=True)
class OfferedUnits:
    """Open units of one line of an offer."""

    units: int
    sku: str
    from_date: date | None
    to_date: date | None


@dataclass(frozen=True, slots=True)
class OfferPage:
    """What the page shows; ``refused`` is why an answer was not taken, empty if there was none."""

    reference: str
    lines: tuple[OfferedUnits, ...]
    offer: Offer
    state: OfferState
    zone: str
    refused: str | None = None


def language_of(accept_language: str | None) -> str:
    """The first language of the header that there are words in, else English."""
    for part in (accept_language or "").split(","):
        language = part.partition(";")[0].strip().partition("-")[0].lower()
        if language in LANGUAGES:
            return language
    return "en"


def offer_page(page: OfferPage, language: str) -> str:
    """The page in HTML."""
    texts = _TEXTS[language]
    title = texts["title"].format(reference=page.reference)
    body = [f"<h1>{escape(title)}</h1>", "<ul>", *(_line(line, texts) for line in page.lines), "</ul>"]
    if page.refused is not None:
        why = texts["not_taken"].format(why=page.refused or texts["choose"])
        body.append(f"<p><strong>{escape(why)}</strong></p>")
    if page.state in (OfferState.OFFERED, OfferState.SENT):
        body += _question(page, texts)
    else:
        body.append(f"<p><strong>{escape(texts[page.state.value])}</strong></p>")
    return _document(language, title, "\n".join(body))


def closed_page(language: str) -> str:
    """What a link shows that opens nothing."""
    text = escape(_TEXTS[language]["closed_link"])
    return _document(language, text, f"<p>{text}</p>")


def _line(line: OfferedUnits, texts: Mapping[str, str]) -> str:
    text = texts["line"].format(
        units=line.units,
        sku=line.sku,
        from_date=line.from_date or texts["an_earlier_day"],
        to_date=line.to_date or texts["no_date"],
    )
    return f"<li>{escape(text)}</li>"


def _question(page: OfferPage, texts: Mapping[str, str]) -> list[str]:
    offer = page.offer
    by = _moment(offer.respond_by, page.zone)
    said = [texts[offer.silence_means.value].format(respond_by=by), texts["refund"]]
    if any(line.to_date is None for line in offer.lines):
        said.append(texts["unknown_delay"])
    form = [
        *(f"<p>{escape(text)}</p>" for text in said),
        '<form method="post">',
        f'<p><button name="answer" value="wait">{escape(texts["wait"])}</button>',
        f'<button name="answer" value="cancel">{escape(texts["cancel"])}</button></p>',
        "</form>",
    ]
    if offer.silence_means is SilenceMeans.NOTHING:
        form += [
            '<form method="post">',
            f'<p><label>{escape(texts["until"])} <input type="date" name="until" required></label>',
            f'<button name="answer" value="grant_until">{escape(texts["grant_until"])}</button></p>',
            "</form>",
        ]
    return form


def _moment(at: datetime | None, zone: str) -> str:
    return "" if at is None else at.astimezone(ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M ") + zone


def _document(language: str, title: str, body: str) -> str:
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{escape(title)}</title>'
    return (
        f'<!doctype html>\n<html lang="{language}"><head>{head}<meta name="robots" content="noindex">'
        f"<style>{_STYLE}</style></head>\n<body>\n{body}\n</body></html>\n"
    )
