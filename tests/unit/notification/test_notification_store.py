"""What the store of notifications promises to the use cases.

Here the tests run on the stores in memory; ``tests/integration/notification/test_stores.py`` runs them on PostgreSQL.
Each takes the fixtures ``units`` and ``clock``, which stands at START.
"""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from tests.unit.notification.store_access import committed

from notification_service.application.ports.mail import Mail, Recipient
from notification_service.application.ports.notifications import (
    NewNotification,
    NotificationResult,
    NotificationRetry,
    NotificationRewrite,
    OpenNotification,
)
from notification_service.application.ports.unit_of_work import NotificationUnits
from notification_service.domain.lines import LineStatus
from notification_service.domain.notifications import NotificationState

JUNE = date(2026, 6, 3)
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
START = datetime(2026, 1, 5, 9, tzinfo=UTC)
DATA = {"reference": "R-1", "sections": [{"kind": "allocated", "changes": []}]}


def new(notification_id: str, **fields: object) -> NewNotification:
    """A notification of order o1 to contact c1, caused by an event of the same id."""
    notification = NewNotification(notification_id, "o1", "c1", "allocated", notification_id, DATA)
    return replace(notification, **fields)  # type: ignore[arg-type]


async def add(units: NotificationUnits, *notifications: NewNotification) -> None:
    async with committed(units) as uow:
        await uow.orders.lock({notification.order_id for notification in notifications})
        await uow.notifications.add(notifications, uow.now)


async def put_contact(units: NotificationUnits, contact_id: str = "c1") -> None:
    async with committed(units) as uow:
        await uow.contacts.put(contact_id, f"{contact_id}@example.com", "en", "UTC", uow.now)


async def claim(units: NotificationUnits, limit: int = 10) -> list[str]:
    """The ids of notifications that are claimed for a minute."""
    async with committed(units) as uow:
        claims = await uow.notifications.claim_due(uow.now, uow.now + MINUTE, limit)
    return [claimed.notification_id for claimed in claims]


async def let_wait(units: NotificationUnits, *notification_ids: str) -> None:
    """Claim the notifications, and let them wait a day for their contact."""
    async with committed(units) as uow:
        await uow.notifications.claim_due(uow.now, uow.now + MINUTE, 10)
        await uow.notifications.wait_for_contact(notification_ids, uow.now + DAY)


async def stored(units: NotificationUnits, notification_id: str = "n1"):
    async with units.reading() as uow:
        return await uow.queries.notification(notification_id)


class TestNotifications:
    async def test_a_new_notification_is_pending_at_once(self, units, clock):
        await add(units, new("n1", resend_of=None, baseline={"l1": LineStatus()}))
        found = await stored(units)
        assert (found.order_id, found.contact_id, found.template, found.cause) == ("o1", "c1", "allocated", "n1")
        assert (found.channel, found.resend_of, found.template_data) == ("email", None, DATA)
        assert (found.state, found.attempts, found.reason) == (NotificationState.PENDING, 0, None)
        assert (found.created_at, found.next_attempt_at, found.finished_at) == (clock.now(), clock.now(), None)
        assert (found.version, found.recipient) == (1, None)

    async def test_what_has_to_be_read_in_time_is_claimed_whatever_comes_first(self, units, clock):
        await add(
            units, new("n1"), new("n2", template="delay_notice"), new("n3"), new("n4", template="payment_problem")
        )
        async with committed(units) as uow:
            claims = await uow.notifications.claim_due(clock.now(), clock.now() + MINUTE, 9)
        assert [claim.notification_id for claim in claims] == ["n1", "n2", "n4"]

    async def test_notices_of_offers_that_are_over_end_and_nothing_else_does(self, units, clock):
        notice = {"template": "delay_notice", "cause": "f1"}
        await add(
            units,
            new("n1", **notice),
            new("n2", **notice, contact_id="c2"),
            new("n3", **notice, resend_of="n1"),
            new("n4", cause="f1"),
            new("n5", template="delay_notice", cause="f2"),
        )
        async with committed(units) as uow:
            await uow.notifications.supersede_notices(["f1"], clock.now())
        states = {name: (await stored(units, name)).state.value for name in ("n1", "n2", "n3", "n4", "n5")}
        assert states == {"n1": "superseded", "n2": "superseded", "n3": "pending", "n4": "pending", "n5": "pending"}

    async def test_messages_about_problems_of_older_versions_of_a_payment_end_and_nothing_else_does(self, units, clock):
        def about(name: str, version: int, cause: str = "a1", **more: str) -> NewNotification:
            data = {**DATA, "payment_version": version}
            return new(name, template="payment_problem", cause=cause, template_data=data, **more)

        await add(
            units,
            about("n1", 2),
            about("n2", 2, resend_of="n1"),
            about("n3", 3, "a3"),
            about("n4", 4, "a4"),
            new("n5", cause="a1"),
            about("n6", 2, "a6"),
        )
        async with committed(units) as uow:
            await uow.notifications.supersede_payment_problems({"o1": 4, "o2": 9}, {"a3"}, clock.now())
        states = {name: (await stored(units, name)).state.value for name in ("n1", "n2", "n3", "n4", "n5", "n6")}
        ended = [name for name, state in states.items() if state == "superseded"]
        assert (ended, set(states.values())) == (["n1", "n6"], {"superseded", "pending"})

    async def test_one_cause_makes_one_notification_of_a_template_to_a_contact(self, units):
        await add(units, new("n1", cause="e1"), new("n2", cause="e1"))
        await add(units, new("n3", cause="e1"), new("n4", cause="e1", contact_id="c2"))
        await add(units, new("n5", cause="e1", template="date_moved"), new("n6", cause="e1", resend_of="n1"))
        found = [name for name in ("n1", "n2", "n3", "n4", "n5", "n6") if await stored(units, name)]
        assert found == ["n1", "n4", "n5", "n6"]

    async def test_adding_nothing_is_no_error(self, units):
        async with committed(units) as uow:
            await uow.notifications.add([], uow.now)

    async def test_a_claim_has_the_recipient_and_counts_as_an_attempt(self, units):
        await add(units, new("n1"))
        await put_contact(units)
        async with committed(units) as uow:
            [claimed] = await uow.notifications.claim_due(uow.now, uow.now + MINUTE, 10)
        assert (claimed.notification_id, claimed.order_id, claimed.contact_id) == ("n1", "o1", "c1")
        assert (claimed.template, claimed.attempts, claimed.template_data) == ("allocated", 1, DATA)
        assert claimed.recipient == Recipient("c1@example.com", "en", "UTC")
        found = await stored(units)
        assert (found.attempts, found.next_attempt_at, found.version) == (1, START + MINUTE, 2)

    async def test_a_claim_without_a_contact_has_no_recipient(self, units):
        await add(units, new("n1"))
        async with committed(units) as uow:
            [claimed] = await uow.notifications.claim_due(uow.now, uow.now + MINUTE, 10)
        assert claimed.recipient is None

    async def test_a_claimed_notification_comes_back_when_its_lease_ends(self, units, clock):
        await add(units, new("n1"))
        assert await claim(units) == ["n1"]
        assert await claim(units) == []
        clock.advance(MINUTE)
        assert await claim(units) == ["n1"]

    async def test_only_the_oldest_pending_notification_of_an_order_is_claimed(self, units):
        await add(units, new("n1"), new("n2"), new("n3", order_id="o2"))
        assert await claim(units) == ["n1", "n3"]
        assert await claim(units) == []
        async with committed(units) as uow:
            await uow.notifications.finish([NotificationResult(open_("n1"))], uow.now, keep_texts_of=set())
        assert await claim(units) == ["n2"]

    async def test_the_longest_due_are_claimed_first(self, units, clock):
        await add(units, new("n2"))
        clock.advance(MINUTE)
        await add(units, new("n1", order_id="o2"))
        assert await claim(units, 1) == ["n2"]

    async def test_waiting_for_the_contact_does_not_count_as_an_attempt(self, units, clock):
        await add(units, new("n1"))
        await let_wait(units, "n1")
        found = await stored(units)
        assert (found.state, found.attempts) == (NotificationState.WAITING_FOR_CONTACT, 0)
        assert found.next_attempt_at == clock.now() + DAY
        assert await claim(units) == []

    async def test_an_order_is_resumable_once_its_contact_is_known(self, units):
        await add(units, new("n1"), new("n2", order_id="o2", contact_id="c2"), new("n3", order_id="o3"))
        await let_wait(units, "n1", "n2", "n3")
        async with units.reading() as uow:
            assert await uow.notifications.resumable_orders(10) == []
        await put_contact(units)
        await put_contact(units, "c2")
        async with units.reading() as uow:
            assert set(await uow.notifications.resumable_orders(10)) == {"o1", "o2", "o3"}
            assert set(await uow.notifications.resumable_orders(10, "c1")) == {"o1", "o3"}
            assert len(await uow.notifications.resumable_orders(2)) == 2

    async def test_unsent_notifications_are_those_that_nobody_has_tried_to_send(self, units):
        baseline = {"l1": LineStatus(1, 2, 3, 4, JUNE), "l2": LineStatus()}
        await put_contact(units)
        await add(
            units,
            new("n1", order_id="o2"),
            new("n2", baseline=baseline),
            new("n3", contact_id="c2"),
            new("n4", resend_of="n2"),
            new("n5"),
        )
        assert await claim(units, 1) == ["n1"]
        async with committed(units) as uow:
            unsent = await uow.notifications.lock_unsent(["o1", "o2"])
        assert [(each.notification_id, each.order_id, each.contact_id, each.baseline) for each in unsent] == [
            ("n2", "o1", "c1", baseline),
            ("n5", "o1", "c1", None),
        ]

    async def test_a_resend_that_waits_for_its_contact_is_unsent_too(self, units):
        await add(units, new("n1", order_id="o2"), new("n2", resend_of="n1"))
        await let_wait(units, "n2")
        await put_contact(units)
        async with committed(units) as uow:
            assert [each.notification_id for each in await uow.notifications.lock_unsent(["o1"])] == ["n2"]

    async def test_requeued_notifications_are_due_as_they_are(self, units):
        await add(units, new("n1"))
        await let_wait(units, "n1")
        async with committed(units) as uow:
            await uow.notifications.requeue(["n1"], uow.now)
            await uow.notifications.requeue([], uow.now)
        assert (await stored(units)).template_data == DATA
        assert await claim(units) == ["n1"]

    async def test_a_rewritten_notification_says_something_else(self, units):
        await add(units, new("n1", baseline={"l1": LineStatus(1)}))
        await let_wait(units, "n1")
        await put_contact(units)
        data, baseline = {**DATA, "reference": "R-2"}, {"l1": LineStatus(2, promise_date=JUNE)}
        async with committed(units) as uow:
            await uow.notifications.rewrite([NotificationRewrite("n1", "date_moved", data, baseline)], uow.now)
            await uow.notifications.rewrite([], uow.now)
            [unsent] = await uow.notifications.lock_unsent(["o1"])
        assert unsent.baseline == baseline
        found = await stored(units)
        assert (found.state, found.template, found.template_data) == (NotificationState.PENDING, "date_moved", data)

    async def test_a_superseded_notification_has_ended(self, units, clock):
        await add(units, new("n1"))
        async with committed(units) as uow:
            await uow.notifications.supersede(["n1"], uow.now)
            await uow.notifications.supersede([], uow.now)
        found = await stored(units)
        assert (found.state, found.reason) == (NotificationState.SUPERSEDED, "overtaken")
        assert (found.finished_at, found.next_attempt_at) == (clock.now(), None)
        assert await claim(units) == []

    async def test_overdue_notifications_have_waited_for_too_long(self, units, clock):
        await add(units, new("n1"), new("n2", order_id="o2"))
        await let_wait(units, "n1")
        clock.advance(DAY - MINUTE)
        async with units.reading() as uow:
            assert await uow.notifications.overdue(uow.now, 10) == []
        clock.advance(MINUTE)
        async with units.reading() as uow:
            assert await uow.notifications.overdue(uow.now, 10) == [open_("n1")]

    async def test_open_notifications_of_a_contact_have_not_ended(self, units):
        await add(units, new("n1"), new("n2", order_id="o2"), new("n3", contact_id="c2"), new("n4", order_id="o4"))
        await let_wait(units, "n2")
        async with committed(units) as uow:
            await uow.notifications.supersede(["n4"], uow.now)
            opened = await uow.notifications.open_of_contact("c1")
        assert {each.notification_id for each in opened} == {"n1", "n2"}

    async def test_a_retry_is_due_at_its_time_and_keeps_the_reason(self, units, clock):
        await add(units, new("n1"), new("n2", order_id="o2"))
        await let_wait(units, "n2")
        async with committed(units) as uow:
            at = uow.now + 2 * MINUTE
            retries = [NotificationRetry(name, at, "smtp_451") for name in ("n1", "n2")]
            await uow.notifications.retry(retries)
            await uow.notifications.retry([])
        found = await stored(units)
        assert (found.next_attempt_at, found.reason) == (START + 2 * MINUTE, "smtp_451")
        assert (await stored(units, "n2")).reason is None, "it is not pending"

    async def test_ending_stores_the_texts_of_contacts_that_keep_them(self, units, clock):
        await add(units, new("n1"), new("n2", order_id="o2", contact_id="c2"))
        results = [
            NotificationResult(open_("n1"), None, mail("n1")),
            NotificationResult(replace(open_("n2"), contact_id="c2"), "smtp_550", mail("n2")),
        ]
        async with committed(units) as uow:
            assert await uow.notifications.finish(results, uow.now, keep_texts_of={"c1"}) == results
        sent, failed = await stored(units, "n1"), await stored(units, "n2")
        assert (sent.state, sent.reason, sent.finished_at) == (NotificationState.SENT, None, clock.now())
        assert (sent.recipient, sent.subject) == ("n1@example.com", "Subject")
        assert (sent.body_text, sent.body_html, sent.next_attempt_at) == ("text", "<p>text</p>", None)
        assert (failed.state, failed.reason) == (NotificationState.FAILED, "smtp_550")
        assert (failed.recipient, failed.body_text) == (None, None)

    async def test_what_has_ended_does_not_end_again(self, units):
        await add(units, new("n1"), new("n2", order_id="o2"))
        first, second = NotificationResult(open_("n1")), NotificationResult(open_("n2"), "smtp_550")
        async with committed(units) as uow:
            await uow.notifications.finish([first], uow.now, keep_texts_of=set())
            again = replace(first, reason="smtp_550")
            assert await uow.notifications.finish([again, second], uow.now, keep_texts_of=set()) == [second]
        assert (await stored(units)).state is NotificationState.SENT

    async def test_erasing_removes_the_texts_of_one_contact(self, units):
        await add(units, new("n1"), new("n2", order_id="o2", contact_id="c2"))
        results = [
            NotificationResult(open_("n1"), None, mail("n1")),
            NotificationResult(replace(open_("n2"), contact_id="c2"), None, mail("n2")),
        ]
        async with committed(units) as uow:
            await uow.notifications.finish(results, uow.now, keep_texts_of={"c1", "c2"})
        before = await stored(units)
        async with committed(units) as uow:
            await uow.notifications.erase_texts("c1")
        erased = await stored(units)
        assert (erased.recipient, erased.subject, erased.body_text, erased.body_html) == (None,) * 4
        assert erased.version == before.version + 1
        assert (await stored(units, "n2")).recipient == "n2@example.com"

    async def test_locked_notifications_come_without_their_texts(self, units):
        await add(units, new("n1"))
        async with committed(units) as uow:
            result = NotificationResult(open_("n1"), None, mail("n1"))
            await uow.notifications.finish([result], uow.now, keep_texts_of={"c1"})
            locked = await uow.notifications.lock({"n1", "none"})
        assert {name: found.recipient for name, found in locked.items()} == {"n1": None}

    async def test_lists_are_newest_first_and_filtered(self, units):
        async with committed(units) as uow:
            orders = await uow.orders.lock({"o1", "o2"})
            orders["o1"].customer_id = "ada"
            await uow.orders.save(orders.values())
        await add(units, new("n1"), new("n2", order_id="o2"), new("n3"))

        async def ids(order_id=None, customer_id=None, before=None, limit=10):
            async with units.reading() as uow:
                found = await uow.queries.notifications(
                    order_id=order_id, customer_id=customer_id, before=before, limit=limit
                )
            return [notification.notification_id for notification in found]

        assert await ids() == ["n3", "n2", "n1"]
        assert await ids(order_id="o1") == ["n3", "n1"]
        assert await ids(customer_id="ada") == ["n3", "n1"]
        assert await ids(order_id="o2", customer_id="ada") == []
        assert await ids(before="n3", limit=1) == ["n2"]


def open_(notification_id: str) -> OpenNotification:
    """As ``new`` makes it, of order o1 and contact c1."""
    return OpenNotification(notification_id, "o1", "c1", "allocated", 0)


def mail(name: str) -> Mail:
    return Mail(
        name, "allocated", f"<{name}@shop.example>", f"{name}@example.com", "en", "Subject", "text", "<p>text</p>"
    )
