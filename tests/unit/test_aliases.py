"""Which model is whose: going back, and who is decided about by a challenger."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from meridian.registry import Alias, Change, Place, Purpose, former, is_challenged

PLACE = Place("personal-loan", Purpose.COMPACT, Alias.CHAMPION)
MODELS = ["a", "b", "c", "d"]


def before(made: list[Change]) -> str | None:
    return former((change.model_sha256, change.back) for change in made)


def changes(*steps: str) -> list[Change]:
    """`<` goes back; any other is promoted."""
    made: list[Change] = []
    for number, step in enumerate(steps, start=1):
        sha256 = before(made) if step == "<" else step
        made.append(Change(PLACE, number, sha256, None, step == "<", "tests", "somebody"))
    return made


def test_going_back_twice_is_two_champions_back_and_not_where_the_first_step_began() -> None:
    assert before([]) is None
    assert before(changes("a")) is None
    assert before(changes("a", "b")) == "a"
    assert before(changes("a", "b", "c", "<")) == "a"
    assert before(changes("a", "b", "<")) is None
    assert before(changes("a", "b", "<", "c")) == "a"
    # Promoted twice, it is its own former in nobody's eyes.
    assert before(changes("a", "b", "b")) == "a"
    # Whatever stands there, nobody is left without an answer: back to one who never was is a promotion.
    assert before([Change(PLACE, 1, "a", None, True, "tests", "somebody")]) is None
    assert before([*changes("a"), Change(PLACE, 2, "b", None, True, "tests", "somebody")]) == "a"


@given(st.lists(st.sampled_from([*MODELS, "<"])))
def test_going_back_leads_to_whoever_was_champion_before(steps: list[str]) -> None:
    line: list[str] = []
    done: list[str] = []
    for step in steps:
        if step == "<":
            if len(line) < 2:
                continue
            line.pop()
        elif line[-1:] != [step]:
            line.append(step)
        done.append(step)
    assert before(changes(*done)) == (line[-2] if len(line) > 1 else None)


@given(st.text(), st.floats(0, 1), st.floats(0, 1))
def test_whoever_is_challenged_stays_so_when_the_share_grows(applicant: str, one: float, other: float) -> None:
    less, more = sorted((one, other))
    if is_challenged("m", less, applicant):
        assert is_challenged("m", more, applicant)


def test_the_share_is_the_share_and_another_challenger_has_others() -> None:
    applicants = [f"applicant-{i}" for i in range(20_000)]
    first = {one for one in applicants if is_challenged("first", 0.1, one)}
    second = {one for one in applicants if is_challenged("second", 0.1, one)}
    # Binomial: four standard deviations are 170.
    assert abs(len(first) - 2000) < 170
    assert abs(len(first & second) - 200) < 60
