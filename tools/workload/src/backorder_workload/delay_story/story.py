"""A supplier slips: who is told, who waits, who cancels, whose silence cancels, and where everybody's money goes.

Ada, Ben and Cleo order under the law of the United States and pay at once; Dan's café waits behind them and pays when
its order leaves. Each sentence that is printed was read from the system, and what is not as told is an error.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from backorder_workload.delay_story.dated_shop import KETTLE, MUG, PRICES, SHIPPING, TEAPOT, ZONE, DatedShop
from backorder_workload.delay_story.outside import Notice, Outside
from backorder_workload.delay_story.waiting import expect
from backorder_workload.delay_story.wording import day, dollars, last_day, moment

STORY_DAYS = 89
"""Days from the first one of the story to one by which it is over, however late suppliers were found to be."""

_ANNOUNCED, _SLIPPED_BY = 12, 50
_GOOD_CARD, _POOR_CARD = "pm_card_visa", "pm_card_chargeDeclinedInsufficientFunds"

Order = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Customer:
    name: str
    order: Order
    address: str

    @property
    def order_id(self) -> str:
        return str(self.order["order_id"])


class DelayStory:
    """Plays the story on `shop` with what is `outside` it; `report` gets its sentences."""

    def __init__(self, shop: DatedShop, outside: Outside, report: Callable[[str], None], run: str) -> None:
        self._shop, self._outside, self._write, self._run = shop, outside, report, run
        self._today = ""

    async def play(self) -> None:
        """Play all of it. Raises StoryFailed or CallFailed."""
        teapots, kettle = await self._open()
        ada, ben, cleo = await self._order_and_pay()
        dan = await self._order_and_wait()
        deadline = await self._supplier_slips(teapots, ada, ben, cleo)
        await self._one_waits(ada)
        await self._one_cancels(ben)
        await self._in_time(kettle, ada)
        today = await self._one_is_silent(cleo, deadline)
        await self._teapots_arrive(teapots, ada, dan, today + timedelta(days=2))

    def _tell(self, at: datetime, text: str) -> None:
        """One sentence of the story; a day is named once."""
        today = day(at.date())
        self._write(f"{today if today != self._today else '':>6}  {text}")
        self._today = today

    async def _open(self) -> tuple[Order, Order]:
        shop, at = self._shop, self._shop.at(0)
        await shop.open(at)
        await shop.until_for_sale()
        eta = shop.at(_ANNOUNCED, 17)
        teapots = await shop.order_from("northwind", TEAPOT, 4, eta, at)
        kettle = await shop.order_from("southmill", KETTLE, 1, eta, at)
        self._tell(at, f"Northwind Pottery is to deliver 4 teapots on {day(eta.date())}, Southmill 1 kettle that day")
        return teapots, kettle

    async def _order_and_pay(self) -> tuple[_Customer, _Customer, _Customer]:
        at = self._shop.at(1)
        shipping = [{"name": "shipping", "amount": SHIPPING}]
        ada = await self._customer("Ada", {TEAPOT: 1, KETTLE: 1}, at, fees=shipping)
        ben = await self._customer("Ben", {TEAPOT: 1}, at, fees=shipping)
        cleo = await self._customer("Cleo", {TEAPOT: 2}, at, fees=shipping)
        for customer in (ada, ben, cleo):
            payment = await self._shop.payment_when(
                customer.order_id, lambda one: one["state"] == "paid", f"{customer.name} has paid"
            )
            dates = ", ".join(f"{_named(line)} by {day(line['promise_date'])}" for line in customer.order["lines"])
            self._tell(at, f"{customer.name} pays {dollars(payment['captured'])} and is promised: {dates}")
        return ada, ben, cleo

    async def _order_and_wait(self) -> _Customer:
        at = self._shop.at(2)
        terms = {"charge_at": "shipment", "jurisdiction": None}
        dan = await self._customer("Dan", {TEAPOT: 3}, at, card=_POOR_CARD, **terms)
        [line] = dan.order["lines"]
        expect(line["quantity_backordered"] == 3, f"Dan's order waits: {line}")
        self._tell(
            at,
            f"Dan's café orders 3 teapots, to pay {dollars(3 * PRICES[TEAPOT])} when they ship; he is next after them",
        )
        return dan

    async def _customer(
        self, name: str, units: Mapping[str, int], at: datetime, *, card: str = _GOOD_CARD, **terms: Any
    ) -> _Customer:
        """Somebody with an address and a card orders."""
        shop, person = self._shop, f"{name.lower()}-{self._run}"
        address = f"{person}@customers.test"
        contact = {"email": address, "locale": "en", "time_zone": ZONE}
        await shop.api.put(f"{shop.api.addresses.notification}/v1/contacts/{person}", contact)
        token = await shop.begin_card(person)
        await self._outside.fill_in_card(token, card)
        stated = {"charge_at": "order", "jurisdiction": "US", **terms}
        stated = {field: value for field, value in stated.items() if value is not None}
        order = await shop.place(
            name.upper(),
            units,
            at,
            customer_id=person,
            contact_id=person,
            payment={"provider": "stripe", "token": token},
            **stated,
        )
        return _Customer(name, order, address)

    async def _supplier_slips(self, teapots: Order, ada: _Customer, ben: _Customer, cleo: _Customer) -> datetime:
        """Returns when silence cancels."""
        shop, at = self._shop, self._shop.at(5)
        eta = shop.at(_ANNOUNCED + _SLIPPED_BY, 17)
        await shop.announce(teapots, eta, at)
        self._tell(at, f"Northwind writes: not before {day(eta.date())}, {_SLIPPED_BY} days late")
        notices = {one.name: await self._notice_of(one) for one in (ada, ben, cleo)}
        moved, kept = (await shop.order(ada.order_id))["lines"]
        was, stays = ada.order["lines"]
        expect(moved["promise_date"] > was["promise_date"], f"Ada's teapot comes later: {moved}")
        expect(kept["promise_date"] == stays["promise_date"], f"Ada's kettle does not: {kept}")
        self._tell(
            at, f"only teapots move, to {day(moved['promise_date'])}; Ada's kettle stays at {day(kept['promise_date'])}"
        )
        offer, notice = notices["Cleo"]
        expect(offer["silence_means"] == "cancellation", f"more than 30 days late, silence cancels: {offer}")
        binding, deadline = offer["lines"][0]["from_date"], offer["respond_by"]
        days = (last_day(deadline, ZONE) - date.fromisoformat(binding)).days
        expect(days == 30, f"silence cancels 30 days after {binding}: {deadline}")
        self._tell(at, f"Ada, Ben and Cleo each get a mail: “{notice.subject}”")
        self._tell(at, f"  “{notice.silence}”")
        self._tell(at, f"  (30 days after {day(binding)}, the day that was promised: 16 CFR 435.2)")
        over_by = self._shop.begins + timedelta(days=STORY_DAYS - 5)
        expect(moment(deadline) < over_by, f"the story is over by {over_by.date()}, and its deadline is {deadline}")
        return moment(deadline)

    async def _notice_of(self, customer: _Customer) -> tuple[dict[str, Any], Notice]:
        """The offer that was sent to a customer, and its mail."""
        record = await self._shop.promises_when(
            customer.order_id,
            lambda one: any(offer["state"] == "sent" for offer in one["offers"]),
            f"{customer.name} is sent the offer of a delay",
        )
        return record["offers"][-1], await self._outside.notice(customer.address)

    async def _one_waits(self, ada: _Customer) -> None:
        at = self._shop.at(6)
        await self._shop.pass_time(at)
        notice = await self._outside.notice(ada.address)
        await self._outside.open_page(notice.link)
        record = await self._shop.promises_when(ada.order_id, lambda one: True, "Ada's record")
        expect(record["offers"][-1]["state"] == "sent", "opening the link answers nothing")
        await self._outside.answer(notice.link, "wait")
        await self._shop.promises_when(
            ada.order_id, lambda one: one["offers"][-1]["state"] == "consented", "Ada's consent is recorded"
        )
        self._tell(at, "Ada opens the link in her mail and waits: her consent is recorded")

    async def _one_cancels(self, ben: _Customer) -> None:
        at = self._shop.at(8)
        await self._shop.pass_time(at)
        notice = await self._outside.notice(ben.address)
        await self._outside.answer(notice.link, "cancel")
        back, due = await self._given_back(ben, "customer_cancelled")
        self._tell(at, f"Ben cancels there: {back} go back to his card, shipping too (the law gives until {due})")

    async def _given_back(self, customer: _Customer, cause: str) -> tuple[str, str]:
        """What went back to a customer all of whose order was cancelled, and by when it had to."""
        shop, name = self._shop, customer.name
        order = await shop.order_when(
            customer.order_id, lambda one: one["state"] == "cancelled", f"{name} is cancelled"
        )
        payment = await shop.payment_when(
            order["order_id"],
            lambda one: one["refunded"] == one["captured"] and not one["refund_due"],
            f"{name} has the money back",
        )
        record = await shop.promises_when(order["order_id"], lambda one: one["refunds"], f"{name} has a right to it")
        [right] = record["refunds"]
        expect(right["cause"] == cause and right["fees"], f"{name}'s refund is for {cause}, fees too: {right}")
        return dollars(payment["refunded"]), day(last_day(right["refund_due_by"], ZONE))

    async def _in_time(self, kettle: Order, ada: _Customer) -> None:
        shop, at = self._shop, self._shop.at(_ANNOUNCED)
        await shop.receive("KETTLE", {KETTLE: 1}, at, kettle)
        order = await shop.order_when(
            ada.order_id, lambda one: one["lines"][1]["quantity_allocated"] == 1, "Ada's kettle is allocated"
        )
        await shop.ship("ADA-1", order, order["lines"][1:], at + timedelta(hours=2))
        self._tell(at, "Southmill delivers in time: Ada's kettle ships alone")

    async def _one_is_silent(self, cleo: _Customer, deadline: datetime) -> datetime:
        """Returns the day after the deadline."""
        at = deadline + timedelta(hours=10)
        await self._shop.pass_time(at)
        back, due = await self._given_back(cleo, "delay_not_accepted")
        self._tell(
            at,
            f"Cleo never answered, and her 30 days are over: cancelled, and {back} go back (the law gives until {due})",
        )
        return at

    async def _teapots_arrive(self, teapots: Order, ada: _Customer, dan: _Customer, at: datetime) -> None:
        shop = self._shop
        await shop.receive("TEAPOT", {TEAPOT: 4}, at, teapots)
        waited = await shop.order_when(
            ada.order_id, lambda one: one["lines"][0]["quantity_allocated"] == 1, "Ada's teapot is allocated"
        )
        served = await shop.order_when(
            dan.order_id, lambda one: one["lines"][0]["quantity_allocated"] == 3, "Dan gets what others gave up"
        )
        self._tell(at, "the 4 teapots arrive: 1 for Ada, and the 3 that Ben and Cleo gave up for Dan, who is next")
        await shop.ship("ADA-2", waited, waited["lines"][:1], at + timedelta(hours=1))
        self._tell(at, "Ada's teapot ships: she paid when she ordered")
        await self._card_is_declined(dan, served, at)

    async def _card_is_declined(self, dan: _Customer, order: Order, at: datetime) -> None:
        shop = self._shop
        declined = await shop.payment_when(
            dan.order_id, lambda one: one["state"] == "declined", "Dan's card is declined"
        )
        reason = declined["attempts"][-1]["reason"].replace("_", " ")
        expect(await shop.fulfillable(dan.order_id, at) == 0, "what is not paid may not leave")
        self._tell(at, f"Dan's bank declines to hold {dollars(declined['attempts'][-1]['amount'])} ({reason}):")
        self._tell(at, "  they may not leave, and after 48 hours they would be the next customer's")
        token = await shop.begin_card(f"dan-again-{self._run}")
        await self._outside.fill_in_card(token, _GOOD_CARD)
        await shop.replace_card(declined["payment_id"], token)
        held = await shop.payment_when(dan.order_id, lambda one: one["state"] == "held", "Dan's other card is good")
        expect(await shop.fulfillable(dan.order_id, at) == 3, "what is held may leave")
        self._tell(at, f"Dan gives another card: {dollars(held['held'])} are held, and his teapots may leave")
        await shop.ship("DAN", order, order["lines"], at + timedelta(hours=3))
        paid = await shop.payment_when(dan.order_id, lambda one: one["state"] == "paid", "Dan has paid")
        expect(paid["captured"] == 3 * PRICES[TEAPOT] and not paid["held"], f"Dan paid for 3 teapots: {paid}")
        self._tell(at, f"Dan's 3 teapots ship, and {dollars(paid['captured'])} are taken")


def _named(line: Mapping[str, Any]) -> str:
    name = {TEAPOT: "teapot", KETTLE: "kettle", MUG: "mug"}[line["sku"]]
    return name if line["quantity"] == 1 else f"{line['quantity']} {name}s"
