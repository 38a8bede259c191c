"""Eligible: what can be afforded, the state allows, band and rung permit, and is no more than was asked for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from meridian.evidence import Rung
from meridian.offers.asking import Applicant, Asked
from meridian.offers.catalogue import Columns
from meridian.offers.money import cents, down
from meridian.offers.offered import Why
from meridian.offers.settings import OfferSettings, OfferTerms
from meridian.offers.usury import NOT_STATED

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Circumstances:
    """Under what is offered: who asks, for what, at which PD, in which band, on which rung."""

    asked: Asked
    applicant: Applicant
    pd: float
    band: str
    rung: Rung


def lawful(terms: OfferTerms, state: str | None) -> Mask:
    """The offers whose APR the table of the state allows; none where it says nothing."""
    apr = terms.catalogue.columns.apr
    highest = terms.most_apr.get(state or "")
    return np.zeros(len(apr), dtype=bool) if highest is None else apr <= highest


def ineligible(terms: OfferTerms, given: Circumstances, allowed: Mask) -> Iterator[tuple[Why, Mask]]:
    """Each reason with the offers that it speaks against."""
    columns, settings = terms.catalogue.columns, terms.settings
    yield Why.ABOVE_AMOUNT, columns.limit > given.asked.cents
    yield from _against_state(terms, given.applicant.state, allowed)
    yield Why.BAND_CAP, _above(columns, _band_cap(settings, given.band))
    if (cap := _rung_cap(settings, given.rung)) is not None:
        yield Why.RUNG_CAP, _above(columns, cap)
    yield from _unaffordable(columns, settings, given.applicant)
    if terms.prices.tier(given.pd) is None:
        yield Why.PD_BEYOND_TIERS, _all(columns)


def _against_state(terms: OfferTerms, state: str | None, allowed: Mask) -> Iterator[tuple[Why, Mask]]:
    if state is None:
        yield Why.STATE_UNKNOWN, ~allowed
    elif (highest := terms.most_apr.get(state)) is None:
        yield Why.RATE_CAP_UNKNOWN, ~allowed
    else:
        unstated = highest == NOT_STATED
        yield Why.RATE_CAP_UNKNOWN, unstated
        yield Why.RATE_CAP, ~allowed & ~unstated


def _unaffordable(columns: Columns, settings: OfferSettings, applicant: Applicant) -> Iterator[tuple[Why, Mask]]:
    """The largest payment is one amount for each test, so that what is compared is cents with cents."""
    income, limits = applicant.monthly_income, settings.affordability
    if income is None:
        yield Why.INCOME_UNKNOWN, _all(columns)
        return
    yield Why.PAYMENT_TO_INCOME, columns.payment > down(limits.payment_to_income * income)
    if applicant.monthly_debts is None:
        yield Why.DEBTS_UNKNOWN, _all(columns)
        return
    yield Why.DEBT_TO_INCOME, columns.payment > down(limits.debt_to_income * income - applicant.monthly_debts)


def _band_cap(settings: OfferSettings, band: str) -> Decimal:
    return next((cap.most for cap in settings.band_caps if cap.band == band), Decimal(0))


def _rung_cap(settings: OfferSettings, rung: Rung) -> Decimal | None:
    """The cap of the rung; nothing may be lent on a lower rung that has none."""
    cap = next((cap.most for cap in settings.rung_caps if cap.rung == rung), None)
    return Decimal(0) if cap is None and rung > Rung.STALE else cap


def _above(columns: Columns, most: Decimal) -> Mask:
    return columns.limit > cents("cap", most)


def _all(columns: Columns) -> Mask:
    return np.ones(len(columns.limit), dtype=bool)
