"""Backtest: what a policy would have decided of past applications, beside the one that decides now."""

from meridian.backtest.gather import Fields, Gathering, Past, Stored
from meridian.backtest.page import page_style, report_page
from meridian.backtest.report import Backtest, OneByOne
from meridian.backtest.run import Run, Wished
from meridian.backtest.tally import OFFERS, Assumptions, Tally

__all__ = [
    "OFFERS",
    "Assumptions",
    "Backtest",
    "Fields",
    "Gathering",
    "OneByOne",
    "Past",
    "Run",
    "Stored",
    "Tally",
    "Wished",
    "page_style",
    "report_page",
]
