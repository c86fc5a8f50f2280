"""Loans of stock, and how often they were not repaid in time."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from allocation_service.application.lending.loan_records import LoanFilter, Tally
from allocation_service.application.lending.read_loans import list_loans, read_tallies
from allocation_service.domain.lending.loan import KeptLoan, LoanOutcome
from allocation_service.entrypoints.http.dependencies import DecisionReader, UnitsOfWork
from service_kit.commands.execute import read
from service_kit.http.fields import Name
from service_kit.http.models import ResponseModel
from service_kit.http.pagination import Page, PageParams, encode_cursor, link_header

router = APIRouter(tags=["Lending"])


class BreachRate(ResponseModel):
    """Breached loans among those settled, with Wilson's 95 % interval; null before the first one is settled."""

    settled: int = Field(description="Loans repaid in time or breached")
    rate: float | None
    low: float | None
    high: float | None


class Loans(ResponseModel):
    """Loans by what became of them."""

    open: int = Field(description="Not all back, and their day is not over")
    repaid: int = Field(description="Back in time")
    breached: int = Field(description="Not all back when their day was over, whether they came back since or not")
    void: int = Field(description="The lender's units were cancelled before they came back")
    units: int = Field(description="Units lent, ever")
    units_owed: int = Field(description="Units that are not back")
    breach_rate: BreachRate


class SupplierLoans(Loans):
    """Loans that a supplier's deliveries repay."""

    supplier: str


class LendingView(Loans):
    """How lending went so far."""

    by_supplier: list[SupplierLoans]


class LoanView(ResponseModel):
    """Units that one line lent to another."""

    loan_id: str
    decision_id: str
    sku: str
    location_id: str
    lender_order_id: str
    lender_line_id: str
    borrower_order_id: str
    borrower_line_id: str
    units: int
    units_repaid: int
    units_void: int = Field(description="Cancelled by the lender before they came back")
    state: LoanOutcome
    purchase_order_line_id: str = Field(description="What is to repay it")
    supplier_id: str
    repay_by: date = Field(description="The lender's need less the policy's lock window")
    needed_on: date
    probability: float = Field(description="Lower bound for the delivery's arrival in time, when it was lent")
    observations: int = Field(description="Past deliveries it was judged by")
    evidence: str = Field(description="`supplier`: by its own deliveries; `all`: by everybody's")
    lent_at: datetime
    repaid_at: datetime | None


def _rate(tally: Tally) -> BreachRate:
    share, low, high = tally.rate
    return BreachRate(settled=tally.repaid_or_breached, rate=share, low=low, high=high)


def _supplier(supplier: str, tally: Tally) -> SupplierLoans:
    return SupplierLoans(supplier=supplier, units_owed=tally.owed, breach_rate=_rate(tally), **_counts(tally))


def _counts(tally: Tally) -> dict[str, int]:
    return {name: value for name, value in tally._asdict().items() if name != "owed"}


def _loan(one: KeptLoan) -> LoanView:
    return LoanView(
        loan_id=one.loan_id,
        decision_id=one.decision_id,
        sku=one.sku,
        location_id=one.location,
        lender_order_id=one.lender_order,
        lender_line_id=one.lender_line,
        borrower_order_id=one.borrower_order,
        borrower_line_id=one.borrower_line,
        units=one.units,
        units_repaid=one.repaid_units,
        units_void=one.void_units,
        state=one.outcome,
        purchase_order_line_id=one.po_line,
        supplier_id=one.supplier,
        repay_by=one.repay_by,
        needed_on=one.needed_on,
        probability=one.chance,
        observations=one.observations,
        evidence=one.evidence,
        lent_at=one.lent_at,
        repaid_at=one.repaid_at,
    )


@router.get("/v1/lending", name="get_lending", summary="How many loans were made, and how many broken")
async def get_lending(principal: DecisionReader, units: UnitsOfWork) -> LendingView:
    together, suppliers = await read(units, read_tallies)
    return LendingView(
        units_owed=together.owed,
        breach_rate=_rate(together),
        by_supplier=[_supplier(name, one) for name, one in suppliers.items()],
        **_counts(together),
    )


@router.get("/v1/loans", name="list_loans", summary="Loans of stock, newest first")
async def get_loans(
    *,
    principal: DecisionReader,
    page: PageParams,
    request: Request,
    response: Response,
    units: UnitsOfWork,
    state: Annotated[LoanOutcome | None, Query(description="What became of them")] = None,
    sku: Annotated[Name | None, Query(description="Loans of this SKU")] = None,
    line_id: Annotated[Name | None, Query(description="What this order line lent or borrowed")] = None,
    supplier_id: Annotated[Name | None, Query(description="What this supplier's deliveries repay")] = None,
) -> Page[LoanView]:
    after = page.after(str)
    wanted = LoanFilter(state, sku, line_id, supplier_id)
    found = await read(units, list_loans, wanted, after[0] if after else None, page.limit + 1)
    shown = found[: page.limit]
    cursor = encode_cursor(shown[-1].loan_id) if len(found) > page.limit else None
    link_header(response, request, cursor)
    return Page(data=[_loan(one) for one in shown], next_cursor=cursor)
