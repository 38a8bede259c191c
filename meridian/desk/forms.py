"""Forms: what was typed, what it means, and what was wrong with it, beside its field."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from flask import request

from meridian.errors import FieldProblem, InvalidInput
from meridian.outcome import Outcome
from meridian.service.reviews import Settling

SETTLES = (Outcome.APPROVE.value, Outcome.DECLINE.value)


def text_of(name: str, *, strip_lines: bool = True) -> str:
    """A field as it was typed, less NUL, which no text in PostgreSQL may hold; browsers' line ends made plain."""
    text = request.form.get(name, "").replace("\x00", "")
    return text.replace("\r\n", "\n") if strip_lines else text


@dataclass(frozen=True)
class SettleForm:
    """An analyst's decision as it stands in the form. `errors` are texts by field: outcome, codes, note."""

    outcome: str = ""
    codes: tuple[str, ...] = ()
    note: str = ""
    errors: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def sent(cls) -> SettleForm:
        """What came with the request."""
        return cls(request.form.get("outcome", ""), tuple(request.form.getlist("codes")), text_of("note"))

    @property
    def typed(self) -> bool:
        """Whether there is anything to lose."""
        return bool(self.note.strip())

    def settling(self) -> Settling:
        """What is to be recorded. Raises `InvalidInput` for what only a form can get wrong."""
        if self.outcome not in SETTLES:
            raise InvalidInput(problems=[FieldProblem("/outcome", "nothing was chosen", "approve or decline")])
        return Settling(Outcome(self.outcome), self.codes, self.note.strip())

    def refused(self, error: InvalidInput) -> SettleForm:
        """The same form with what was wrong."""
        said: dict[str, str] = {}
        for problem in error.problems:
            sentence = f"{problem.value[:1].upper()}{problem.value[1:]}; expected {problem.expected}."
            name = problem.pointer.strip("/").partition("/")[0]
            said[name] = f"{said[name]} {sentence}" if name in said else sentence
        return replace(self, errors=said or {"outcome": str(error)})
