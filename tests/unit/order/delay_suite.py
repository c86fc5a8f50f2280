"""From a date that slips to the refund: what is recorded, offered, answered and cancelled. Runs on memory and SQL."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from tests.scenario import LineAnswer
from tests.unit.order.delay_steps import HASH, ZONE, DelaySteps, T, days, end_of
from tests.unit.order.shop import Shop, order_in

from order_service.application.promises.judge_orders import GRACE
from order_service.entrypoints.background.judge_due_orders import UNSENT


class DelaySuite(DelaySteps):
    """Tests of delays; a subclass that runs them has the fixture ``shop``."""

    # Records

    async def test_the_first_date_told_binds_and_every_later_one_is_recorded(self, shop: Shop) -> None:
        order = await self.promised(shop, T)
        await self.promised(shop, T + days(3), order)
        await self.promised(shop, None, order)
        records = (await self.record(shop, order))["records"]
        assert [(one["revision"], one["basis"], one["date"]) for one in records] == [
            (1, "promised", "2026-01-20"),
            (2, "promised", "2026-01-23"),
            (3, "promised", None),
        ]
        assert {one["time_zone"] for one in records} == {ZONE}

    async def test_a_quoted_day_binds_and_a_later_promise_is_a_delay_at_once(self, shop: Shop) -> None:
        line = {"sku": "lamp", "quantity": 2, "quoted_date": "2026-01-16"}
        order = await shop.place(jurisdiction="US", lines=[line])
        await self.promised(shop, T, order)
        found = await self.record(shop, order)
        assert [(one["basis"], one["date"]) for one in found["records"]] == [
            ("quoted", "2026-01-16"),
            ("promised", "2026-01-20"),
        ]
        [offer] = found["offers"]
        assert offer["lines"][0]["from_date"] == "2026-01-16"

    async def test_without_a_date_thirty_days_bind_stock_that_is_there_too(self, shop: Shop) -> None:
        order = await shop.allocated(("lamp", 2), jurisdiction="EU", time_zone="Europe/Berlin")
        await self.judge(shop)
        found = await self.record(shop, order)
        [one] = found["records"]
        assert (one["basis"], one["date"]) == ("statutory", "2026-02-04")
        assert found["verdicts"][0]["limit"] == "2026-02-04"

    async def test_an_order_that_is_older_than_its_record_is_not_cancelled_before_anybody_was_told(
        self, shop: Shop
    ) -> None:
        order = await shop.place(("lamp", 2), jurisdiction="US", time_zone=ZONE, placed_at="2025-11-01T09:00:00Z")
        await shop.apply(shop.answer(order, LineAnswer(waiting=2)))
        await self.judge(shop)
        [one] = (await self.record(shop, order))["records"]
        assert (one["basis"], one["date"], one["cause"]) == ("statutory", "2026-02-04", "FirstRecorded")

    async def test_an_order_without_a_law_and_a_latest_date_has_no_record(self, shop: Shop) -> None:
        order = await self.promised(shop, T, jurisdiction=None)
        await self.promised(shop, T + days(90), order)
        found = await self.record(shop, order)
        assert (found["records"], found["offers"], found["refunds"]) == ([], [], [])

    async def test_answers_of_one_batch_are_each_recorded_and_repetitions_are_not(self, shop: Shop) -> None:
        order = await shop.place(("lamp", 2), jurisdiction="US")
        told = [
            shop.answer(order, LineAnswer(waiting=2, promise=T)),
            shop.answer(order, LineAnswer(waiting=2, promise=T + days(1))),
        ]
        await shop.apply(*told, *told)
        await shop.apply(*reversed(told))
        records = (await self.record(shop, order))["records"]
        assert [one["promise_revision"] for one in records] == [1, 2]

    # Offers

    async def test_a_delay_is_offered_once_and_told_with_what_silence_means(self, shop: Shop) -> None:
        order = await self.promised(shop, T)
        await shop.published()
        await self.promised(shop, T + days(7), order)
        assert await self.judge(shop) == 0
        [(name, told)] = await self.delays(shop)
        assert (name, told.state, told.silence_means, told.kind) == ("DelayOffered", "offered", "consent", "delay")
        assert (told.respond_by, told.notice_by) == (end_of(T + days(7)), end_of(T))
        assert told.reply_url is not None
        assert told.offer_id in told.reply_url

    async def test_a_notice_counts_from_when_notification_sent_it_and_only_the_first(self, shop: Shop) -> None:
        order, offer = await self.slipped(shop, T + days(7))
        assert (offer["state"], offer["sent_at"]) == ("offered", None)
        first = shop.clock.now()
        await self.send(shop, order, offer)
        shop.clock.advance(days(1))
        await self.send(shop, order, offer)
        [offer] = (await self.record(shop, order))["offers"]
        assert (offer["state"], offer["content_hash"], offer["version"]) == ("sent", HASH, 2)
        assert datetime.fromisoformat(offer["sent_at"]) == first

    async def test_a_merchant_records_a_notice_of_their_own_once(self, shop: Shop) -> None:
        order, offer = await self.slipped(shop, T + days(7))
        path = f"/v1/orders/{order['order_id']}/offers/{offer['offer_id']}/notice"
        body = {"sent_at": shop.clock.now().isoformat(), "content_hash": HASH}
        for _ in range(2):
            recorded = await shop.client.post(path, json=body)
            assert (recorded.status_code, recorded.json()["state"]) == (200, "sent")
        other = await shop.client.post(path, json={**body, "content_hash": "0" * 64})
        assert (other.status_code, other.json()["code"]) == (409, "notice_recorded")
        early = await shop.client.post(path, json={**body, "sent_at": "2026-01-01T00:00:00Z"})
        assert (early.status_code, early.json()["errors"][0]["pointer"]) == (422, "/sent_at")
        ahead = await shop.client.post(path, json={**body, "sent_at": "2062-01-01T00:00:00Z"})
        assert (ahead.status_code, ahead.json()["errors"][0]["pointer"]) == (422, "/sent_at")

    async def test_an_offer_that_a_later_date_overtakes_is_superseded(self, shop: Shop) -> None:
        order, _ = await self.slipped(shop, T + days(7))
        await shop.published()
        await self.promised(shop, T + days(9), order)
        first, second = (await self.record(shop, order))["offers"]
        assert (first["state"], second["state"]) == ("superseded", "offered")
        assert [told.state for _, told in await self.delays(shop)] == ["superseded", "offered"]

    async def test_an_offer_is_over_when_its_units_have_left(self, shop: Shop) -> None:
        order, offer = await self.slipped(shop, T + days(7))
        await self.send(shop, order, offer)
        await shop.apply(shop.answer(order, LineAnswer(allocated=2), name="BackorderAllocated"))
        assert (await shop.ship(order, 2)).status_code == 201
        await self.judge(shop)
        found = await self.record(shop, order)
        assert (found["offers"][0]["state"], found["verdicts"][0]["state"]) == ("superseded", "closed")

    async def test_offers_are_listed_by_what_is_due_first_in_pages(self, shop: Shop) -> None:
        for number in (3, 1, 2):
            order = await self.promised(shop, T + days(number), customer_id="c1")
            await self.promised(shop, T + days(20 + number), order)
        listed: list[str] = []
        cursor: dict[str, str] = {}
        while True:
            query = {"due_before": "2026-03-01T00:00:00Z", "limit": "2", **cursor}
            page = (await shop.client.get("/v1/offers", params=query)).json()
            listed += [one["notice_by"] for one in page["data"]]
            if page["next_cursor"] is None:
                break
            cursor = {"cursor": page["next_cursor"]}
        assert [datetime.fromisoformat(at) for at in listed] == [end_of(T + days(number)) for number in (1, 2, 3)]
        for who, number in (("customer-1", 3), ("customer-2", 0)):
            async with shop.client_as(who) as client:
                of_customer = await client.get("/v1/offers", params={"due_before": "2026-03-01T00:00:00Z"})
            assert len(of_customer.json()["data"]) == number

    async def test_an_offer_unsent_within_a_day_of_its_moment_raises_the_alarm(self, shop: Shop) -> None:
        await self.slipped(shop, T + days(7))
        await self.at(shop, end_of(T) - days(1) - timedelta(seconds=1))
        assert UNSENT._value.get() == 0
        await self.at(shop, end_of(T) - days(1))
        assert UNSENT._value.get() == 1

    # What follows

    async def test_without_a_notice_the_units_are_cancelled_and_a_refund_vests(self, shop: Shop) -> None:
        order, _ = await self.slipped(shop, T + days(7))
        await shop.published()
        await self.at(shop, end_of(T) + GRACE - timedelta(seconds=1))
        assert (await shop.read(order))["state"] == "backordered"
        await self.at(shop, end_of(T) + GRACE)
        assert (await shop.read(order))["state"] == "cancelled"
        [refund] = (await self.record(shop, order))["refunds"]
        assert (refund["units"], refund["cause"], refund["vested_on"]) == (2, "no_notice_in_time", "2026-01-20")
        assert datetime.fromisoformat(refund["refund_due_by"]) == end_of(date(2026, 1, 29))
        assert refund["fees"]
        cancelled = [event for event in await shop.published() if event.name == "OrderCancelled"]
        assert [order_in(event).lines[0].cancelled for event in cancelled] == [2]
        assert (await shop.history(order))[-1]["detail"]["reason"] == "no_notice_in_time"

    async def test_silence_consents_to_a_short_delay_until_its_day(self, shop: Shop) -> None:
        order, offer = await self.slipped(shop, T + days(7))
        await self.send(shop, order, offer)
        await self.at(shop, end_of(T) + GRACE)
        assert (await self.record(shop, order))["verdicts"][0]["state"] == "consented"
        await self.at(shop, end_of(T + days(7)) + GRACE)
        [refund] = (await self.record(shop, order))["refunds"]
        assert refund["cause"] == "further_delay_not_accepted"

    async def test_silence_about_a_long_delay_cancels_thirty_days_later_and_consent_keeps(self, shop: Shop) -> None:
        silent, offer = await self.slipped(shop, T + days(60))
        await self.send(shop, silent, offer)
        waiting, offer = await self.slipped(shop, T + days(60))
        await self.send(shop, waiting, offer)
        assert (await self.reply(shop, offer, "wait")).json()["state"] == "consented"
        await self.at(shop, end_of(T + days(30)) + GRACE)
        assert (await shop.read(silent))["state"] == "cancelled"
        assert (await self.record(shop, silent))["refunds"][0]["cause"] == "delay_not_accepted"
        assert (await shop.read(waiting))["state"] == "backordered"

    async def test_what_ships_in_time_is_not_cancelled_though_it_is_reported_within_the_grace(self, shop: Shop) -> None:
        order, _ = await self.slipped(shop, T + days(7))
        await shop.apply(shop.answer(order, LineAnswer(allocated=1, waiting=1, promise=T + days(7))))
        shop.clock.advance(end_of(T) + GRACE - timedelta(minutes=1) - shop.clock.now())
        assert (await shop.ship(order, 1)).status_code == 201
        await self.at(shop, end_of(T) + GRACE)
        [refund] = (await self.record(shop, order))["refunds"]
        assert (refund["units"], refund["fees"]) == (1, False)
        assert (await shop.read(order))["lines"][0]["quantity_shipped"] == 1

    async def test_silence_about_a_day_past_the_latest_acceptable_one_cancels_under_no_law_too(
        self, shop: Shop
    ) -> None:
        latest = T + days(5)
        terms = {"jurisdiction": None, "latest_acceptable_date": latest.isoformat()}
        order, offer = await self.slipped(shop, T + days(6), **terms)
        assert (offer["silence_means"], offer["respond_by"]) == (
            "cancellation", end_of(latest).astimezone(UTC).isoformat().replace("+00:00", "Z"),
        )  # fmt: skip
        await self.at(shop, end_of(latest) + GRACE)
        assert (await shop.read(order))["state"] == "cancelled"
        assert (await self.record(shop, order))["refunds"][0]["cause"] == "latest_date_passed"

    async def test_a_latest_date_that_is_amended_to_before_the_promise_asks_the_customer_too(self, shop: Shop) -> None:
        order = await self.promised(shop, T, jurisdiction=None, latest_acceptable_date="2026-02-20")
        latest = T - days(2)
        body = {"latest_acceptable_date": latest.isoformat()}
        version = (await shop.read(order))["version"]
        assert (await shop.patch(f"/v1/orders/{order['order_id']}", body, version)).status_code == 200
        await self.judge(shop)
        [offer] = (await self.record(shop, order))["offers"]
        assert (offer["silence_means"], offer["lines"][0]["to_date"]) == ("cancellation", T.isoformat())
        assert (await self.reply(shop, offer, "wait")).status_code == 200
        await self.at(shop, end_of(latest) + GRACE)
        assert (await shop.read(order))["state"] == "backordered"
        body = {"latest_acceptable_date": (T - days(1)).isoformat()}
        version = (await shop.read(order))["version"]
        assert (await shop.patch(f"/v1/orders/{order['order_id']}", body, version)).status_code == 200
        await self.judge(shop)
        first, asked_anew = (await self.record(shop, order))["offers"]
        assert (first["state"], asked_anew["silence_means"]) == ("consented", "cancellation")
        await self.at(shop, datetime.fromisoformat(asked_anew["respond_by"]) + GRACE)
        assert (await shop.read(order))["state"] == "cancelled"

    async def test_a_merchants_cancellation_of_a_regulated_order_vests_a_refund_too(self, shop: Shop) -> None:
        order = await self.promised(shop, T, customer_id="c1")
        path = f"/v1/orders/{order['order_id']}/cancel"
        part = {"lines": [{"line_id": order["lines"][0]["line_id"], "quantity": 1}]}
        assert (await shop.client.post(path, json=part)).status_code == 200
        async with shop.client_as("customer-1") as client:
            assert (await client.post(path)).status_code == 200
        refunds = (await self.record(shop, order))["refunds"]
        assert [(one["cause"], one["units"], one["fees"]) for one in refunds] == [
            ("merchant_cancelled", 1, False),
            ("customer_cancelled", 1, True),
        ]

    # Answers

    async def test_a_cancellation_by_answer_has_one_effect_and_cannot_be_taken_back(self, shop: Shop) -> None:
        order, offer = await self.slipped(shop, T + days(60))
        await self.send(shop, order, offer)
        await shop.published()
        for _ in range(3):
            answered = await self.reply(shop, offer, "cancel")
            assert (answered.status_code, answered.json()["state"]) == (200, "refused")
        assert [event.name for event in await shop.published()] == ["DelayConsentRecorded", "OrderCancelled"]
        [refund] = (await self.record(shop, order))["refunds"]
        assert (refund["units"], refund["cause"]) == (2, "customer_cancelled")
        again = await self.reply(shop, offer, "wait")
        assert (again.status_code, again.json()["code"], again.json()["state"]) == (409, "already_cancelled", "refused")

    async def test_an_answer_after_the_deadline_is_told_the_outcome(self, shop: Shop) -> None:
        order, offer = await self.slipped(shop, T + days(60))
        await self.send(shop, order, offer)
        shop.clock.advance(end_of(T + days(30)) - shop.clock.now())
        late = await self.reply(shop, offer, "wait")
        assert (late.status_code, late.json()["code"], late.json()["state"]) == (409, "reply_too_late", "lapsed")
        await self.at(shop, end_of(T + days(30)) + GRACE)
        assert (await shop.read(order))["state"] == "cancelled"

    async def test_a_day_to_grant_is_given_with_that_answer_and_is_one_that_helps(self, shop: Shop) -> None:
        _, offer = await self.slipped(shop, T + days(60))
        for answer, until in (("grant_until", None), ("wait", "2026-02-01"), ("grant_until", "2026-01-19"),
                              ("grant_until", "2030-01-01")):  # fmt: skip
            refused = await self.reply(shop, offer, answer, until=until)
            assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/until"), (answer, until)
        granted = await self.reply(shop, offer, "grant_until", until="2026-03-01")
        assert granted.json()["reply"]["until"] == "2026-03-01"

    async def test_whoever_waits_may_still_cancel(self, shop: Shop) -> None:
        order, offer = await self.slipped(shop, None)
        assert (await self.reply(shop, offer, "wait")).status_code == 200
        shop.clock.advance(days(100))
        assert (await self.reply(shop, offer, "cancel")).json()["state"] == "refused"
        assert (await shop.read(order))["state"] == "cancelled"

    async def test_nobody_answers_the_offers_of_another_customer(self, shop: Shop) -> None:
        _, offer = await self.slipped(shop, T + days(60), customer_id="c1")
        assert (await self.reply(shop, offer, "cancel", who="customer-2")).status_code == 404
        assert (await self.reply(shop, {**offer, "offer_id": "x"}, "cancel")).status_code == 404
        assert (await self.reply(shop, offer, "wait", who="customer-1")).status_code == 200

    # The page that the link of a notice opens

    async def test_opening_the_link_changes_nothing_and_its_form_answers(self, shop: Shop) -> None:
        order = await self.promised(shop, T)
        await shop.published()
        await self.promised(shop, T + days(60), order)
        [(_, told)] = await self.delays(shop)
        assert told.reply_url is not None
        url = told.reply_url.removeprefix("http://127.0.0.1:8001")
        async with shop.client_as() as nobody:
            for _ in range(3):
                page = await nobody.get(url)
                assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
                assert "default-src 'none'" in page.headers["content-security-policy"]
            assert (await self.record(shop, order))["offers"][0]["state"] == "offered"
            german = await nobody.get(url, headers={"Accept-Language": "fr, de-AT;q=0.9"})
            assert "Diese Artikel stornieren" in german.text
            answered = await nobody.post(url, data={"answer": "cancel"})
            assert answered.status_code == 200
            late = await nobody.post(url, data={"answer": "wait"})
            assert late.status_code == 409
            for broken in ({}, {"answer": "maybe"}, {"answer": "grant_until", "until": "soon"}):
                assert (await nobody.post(url, data=broken)).status_code == 422
        offer = (await self.record(shop, order))["offers"][0]
        assert (offer["state"], offer["reply"]["channel"]) == ("refused", "page")

    async def test_a_forged_link_and_one_of_another_offer_open_nothing(self, shop: Shop) -> None:
        links = []
        for _ in range(2):
            order = await self.promised(shop, T)
            await shop.published()
            await self.promised(shop, T + days(60), order)
            [(_, told)] = await self.delays(shop)
            links.append(str(told.reply_url).removeprefix("http://127.0.0.1:8001"))
        (one, token), (other, _) = (link.split("?token=") for link in links)
        async with shop.client_as() as nobody:
            for url in (one, f"{one}?token=", f"{one}?token={token}x", f"{other}?token={token}"):
                for opened in (await nobody.get(url), await nobody.post(url, data={"answer": "cancel"})):
                    assert opened.status_code == 404
