"""Mails as bytes: no value of an order can add a header or a line, and what cannot be written says so."""

import itertools
from base64 import b64encode
from datetime import UTC, datetime
from email import message_from_bytes, policy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notification_service.adapters.mail_message import UnbuildableMail, build_envelope
from notification_service.adapters.template_renderer import TemplateRenderer
from notification_service.application.ports.mail import Mail, MailContent, Recipient

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
SENDER = "Shop <orders@shop.example>"
HEADERS = [
    "From",
    "To",
    "Subject",
    "Message-ID",
    "Date",
    "Auto-Submitted",
    "Content-Language",
    "X-Backorder-Notification",
    "X-Backorder-Template",
    "MIME-Version",
    "Content-Type",
]
BREAKS = ["\r\n", "\n", "\r", "\r\n\r\n", "\x0b", "\x0c", "\x85", "\u2028"]


def mail(subject="News", text="text\n", html="<p>text</p>", recipient="ada@example.com", **more):
    return Mail("n1", "allocated", "<n1@shop.example>", recipient, more.pop("locale", "en"), subject, text, html)


def built(**values):
    return message_from_bytes(build_envelope(mail(**values), SENDER, NOW).content, policy=policy.default)


def encoded_words():
    """Text that mail programs read as an encoded word, with a line break and a header in it."""
    for charset, encoding, line_break in itertools.product(
        ("utf-8", "US-ASCII", "iso-8859-1", "utf-8*en", "unknown-8bit", "utf-7"),
        "qQbB",
        ("\r\n", "\n", "\r", "\r\n\r\n"),
    ):
        inner = f"I1{line_break}Reply-To: x@evil.example"
        if encoding in "qQ":
            words = "".join(c if c.isalnum() else "_" if c == " " else f"={ord(c):02X}" for c in inner)
        else:
            words = b64encode(inner.encode()).decode()
        yield f"=?{charset}?{encoding}?{words}?="


@pytest.mark.parametrize("reference", list(encoded_words()))
def test_a_reference_that_looks_like_an_encoded_word_is_shown_as_it_is(reference):
    for subject in (reference, f"Your order {reference}: items", f"{reference} {reference}", f"x{reference}"):
        message = built(subject=subject)
        assert message["Subject"] == subject
        assert message.keys() == HEADERS
        assert message["Reply-To"] is None


@pytest.mark.parametrize("word", ["=?utf-8?q?=ff=fe?=", "=?utf-8?b?/////w==?=", "=?utf-16?q?=d8?=", "=?x?q?a?="])
def test_bytes_that_are_no_text_in_an_encoded_word_stop_nothing(word):
    assert built(subject=word)["Subject"] == word


@given(st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=300))
def test_every_subject_reads_back_as_it_was_in_lines_that_a_server_takes(subject):
    envelope = build_envelope(mail(subject=subject), SENDER, NOW)
    message = message_from_bytes(envelope.content, policy=policy.default)
    assert message["Subject"] == subject
    assert message.keys() == HEADERS
    assert envelope.content.isascii()
    assert max(len(line) for line in envelope.content.split(b"\r\n")) <= 78


@pytest.mark.parametrize("line_break", BREAKS)
def test_a_value_with_a_line_break_adds_no_line_to_a_rendered_mail(line_break):
    name = f"Kettle{line_break}Reply-To: x@evil.example{line_break}{line_break}Pay here"
    change = dict.fromkeys(("promise_date", "previous_date", "reason"))
    change |= {"kind": "allocated", "line_id": "l1", "sku": "K", "name": name, "quantity": 1, "waiting": 0}
    data = {"reference": name, "placed_at": None, "sections": [{"kind": "allocated", "changes": [change]}]}
    clean = {
        "reference": "R",
        "placed_at": None,
        "sections": [{"kind": "allocated", "changes": [{**change, "name": "K"}]}],
    }
    renderer, recipient = TemplateRenderer("shop.example"), Recipient("ada@example.com", "en", "UTC")
    rendered = renderer.render(MailContent("n1", "allocated", data, recipient))
    expected = renderer.render(MailContent("n1", "allocated", clean, recipient))
    assert len(rendered.text.splitlines()) == len(expected.text.splitlines())
    message = message_from_bytes(build_envelope(rendered, SENDER, NOW).content, policy=policy.default)
    assert message.keys() == HEADERS


@pytest.mark.parametrize(
    "values",
    [
        {"subject": "half a pair \ud800"},
        {"text": "half a pair \udfff\n"},
        {"html": "<p>\ud83d</p>"},
        {"text": "zero \x00\n"},
        {"html": "<p>\x00</p>"},
        {"recipient": "ada@example.com\r\nBcc: b@example.com"},
        {"recipient": "ada@example.com, b@example.com"},
        {"recipient": "=?utf-8?q?a=0d=0aBcc:_b?=@example.com"},
        {"recipient": "Ada <ada@example.com>"},
        {"recipient": "ada@example.com> SIZE=1"},
        {"recipient": "ada"},
        {"recipient": ""},
        {"recipient": "ada@ex\u2028ample.com"},
        {"recipient": "ad\ud800a@example.com"},
        {"locale": "en\r\nReply-To: x"},
        {"locale": "=?utf-8?q?en?="},
    ],
)
def test_a_mail_without_a_faithful_form_is_refused_and_its_error_quotes_nothing(values):
    with pytest.raises(UnbuildableMail) as refused:
        build_envelope(mail(**values), SENDER, NOW)
    assert "example.com" not in str(refused.value)


@given(st.text(alphabet="aé€😀 .\n=?-\t<", max_size=400))
def test_both_bodies_read_back_whatever_they_hold(text):
    message = built(text=f"{text}|\n", html=f"<p>{text}</p>\n")
    plain, html = (part.get_content().replace("\r\n", "\n") for part in message.iter_parts())
    assert (plain, html) == (f"{text}|\n", f"<p>{text}</p>\n")


def test_an_address_that_is_not_ascii_asks_for_a_server_that_can_take_it():
    envelope = build_envelope(mail(recipient="jörg@example.com"), SENDER, NOW)
    assert envelope.smtputf8
    assert "To: jörg@example.com\r\n".encode() in envelope.content


@pytest.mark.parametrize("name", ["Shöp", 'The "Shop"', "Shop, Ltd.", "=?utf-8?q?x?="])
def test_the_senders_name_reads_back(name):
    quoted = name.replace('"', '\\"')
    content = build_envelope(mail(), f'"{quoted}" <orders@shop.example>', NOW).content
    [sender] = message_from_bytes(content, policy=policy.default)["From"].addresses
    assert (sender.display_name, sender.addr_spec) == (name, "orders@shop.example")
