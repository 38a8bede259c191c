"""The policy, which stands in policy.yaml, and the contract between the fast answer and the assessment."""

from __future__ import annotations

from pathlib import Path

from meridian.assessment import CAUTIOUS
from meridian.products.personal_loan.features import FEATURES
from meridian.products.personal_loan.reasons import REASONS
from meridian.products.personal_loan.schema import PersonalLoanApplication
from meridian.rulebook import FILE, load_policy, vocabulary_of

CONTRACT = CAUTIOUS

POLICY = load_policy(Path(__file__).with_name(FILE), vocabulary_of(FEATURES, PersonalLoanApplication, REASONS.codes))
