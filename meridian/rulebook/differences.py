"""What one policy says otherwise than another, in sentences."""

from __future__ import annotations

from collections.abc import Iterator

from meridian.policy import Policy
from meridian.rulebook.sentences import Text, sentences_of
from meridian.rulebook.vocabulary import Vocabulary


def differences(before: Policy, after: Policy, vocabulary: Vocabulary, text: Text) -> list[str]:
    """By rule what was added, dropped or says something else, and then of bands and prices. None: they say the same."""
    return [*_of_rules(before, after, vocabulary, text), *_of_the_rest(before, after, vocabulary, text)]


def _of_rules(before: Policy, after: Policy, vocabulary: Vocabulary, text: Text) -> Iterator[str]:
    was, now = ({rule.name: rule for rule in policy.rules} for policy in (before, after))
    told = {
        name: [sentences_of(_alone(policy, name), vocabulary, text)[0] if name in rules else "" for policy, rules in
               ((before, was), (after, now))]
        for name in dict.fromkeys([*was, *now])
    }  # fmt: skip
    for name, (one, other) in told.items():
        if not one:
            yield f"{name}, new: {other}"
        elif not other:
            yield f"{name}, dropped: {one}"
        elif one != other:
            yield f"{name}, was: {one} Is: {other}"


def _of_the_rest(before: Policy, after: Policy, vocabulary: Vocabulary, text: Text) -> Iterator[str]:
    one, other = (sentences_of(policy, vocabulary, text)[len(policy.rules) :] for policy in (before, after))
    for sentence in one:
        if sentence not in other:
            yield f"was: {sentence}"
    for sentence in other:
        if sentence not in one:
            yield f"is: {sentence}"


def _alone(policy: Policy, name: str) -> Policy:
    """The policy with one rule: its first sentence is that rule's."""
    rules = tuple(rule for rule in policy.rules if rule.name == name)
    return Policy(policy.name, rules, policy.bands, policy.prices)
