"""Cases: applicants with a name and an expected outcome, saved beside a policy and decided by it."""

from meridian.cases.case import Case
from meridian.cases.reading import read_cases
from meridian.cases.run import Ran, run

FILE = "cases.yaml"

__all__ = ["FILE", "Case", "Ran", "read_cases", "run"]
