"""What one policy says otherwise than another, in sentences."""

from __future__ import annotations

from collections.abc import Iterator

from meridian.policy import Policy
from meridian.rulebook.sentences import Text, sentences_of
from meridian.rulebook.vocabulary import Vocabulary


def differences(before: Policy, after: Policy, vocabulary: Vocabulary, was: Text, now: Text) -> list[str]:
    """By rule what was added, dropped or says something else, and then of bands and prices; `was` and `now` have the
    reasons' texts of each. None: they say the same.
    """
    one, other = sentences_of(before, vocabulary, was), sentences_of(after, vocabulary, now)
    return [*_of_rules(_by_rule(before, one), _by_rule(after, other)),
            *_of_the_rest(one[len(before.rules) :], other[len(after.rules) :])]  # fmt: skip


def _by_rule(policy: Policy, sentences: list[str]) -> dict[str, str]:
    """Its first sentences are its rules', in their order."""
    return {rule.name: sentence for rule, sentence in zip(policy.rules, sentences, strict=False)}


def _of_rules(was: dict[str, str], now: dict[str, str]) -> Iterator[str]:
    for name in dict.fromkeys([*was, *now]):
        one, other = was.get(name), now.get(name)
        if one is None:
            yield f"{name}, new: {other}"
        elif other is None:
            yield f"{name}, dropped: {one}"
        elif one != other:
            yield f"{name}, was: {one} Is: {other}"


def _of_the_rest(was: list[str], now: list[str]) -> Iterator[str]:
    yield from (f"was: {sentence}" for sentence in was if sentence not in now)
    yield from (f"is: {sentence}" for sentence in now if sentence not in was)
