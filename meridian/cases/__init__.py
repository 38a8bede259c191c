"""Cases: applicants with a name and an expected outcome, saved beside a policy and decided by it."""

from meridian.cases.case import Case
from meridian.cases.reading import read_cases
from meridian.cases.run import Ran, run
from meridian.cases.saved import FILE, cases_check, checks_of

__all__ = ["FILE", "Case", "Ran", "cases_check", "checks_of", "read_cases", "run"]
