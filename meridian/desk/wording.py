"""What the record's codes are called on the page."""

from __future__ import annotations

from collections.abc import Mapping

from meridian.desk.formats import words

STAGES = {
    "fast": "Fast answer",
    "batch": "Assessment",
    "review": "Review",
    "correction": "Correction",
    "redecision": "Decided again",
}
BANDS = {"low": "low risk", "grey": "grey", "high": "high risk"}
EFFECTS = {"decline": "declines", "refer": "refers", "approve": "approves"}
SOURCES = {
    "application": "Application form",
    "bureau": "Credit bureau",
    "bank": "Linked bank account",
    "employment": "Employment records",
    "account": "Card statements",
    "history": "Our own history",
}
GIVEN_BY = {"policy": "from a rule", "model": "from the model", "data": "data missing", "analyst": "from the analyst"}
"""Where a reason comes from, for those that carry no contribution."""

RUNGS = {
    0: ("Full", "Every source was fresh."),
    1: ("Stale", "A source gave only an older value, still within its limit; its age stands below."),
    2: ("Pre-computed", "A source gave nothing that could be used; the applicant's last assessment stands in for it."),
    3: ("Reduced", "A source gave nothing; what was decided rests on the others."),
    4: ("Policy only", "No model could score this: the rules decided what they could, the rest was left to a person."),
}


def named(names: Mapping[str, str], code: str) -> str:
    """The name of a code; a code that this desk does not know yet still reads."""
    return names.get(code) or words(code)


def rung_words(rung: int) -> tuple[str, str]:
    """A rung of the degradation ladder: its name, and what it means for the decision."""
    return RUNGS.get(rung, (f"Rung {rung}", "This desk does not know this rung."))
