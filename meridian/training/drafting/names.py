"""What columns' names give away, and the fields' names that are made from them."""

from __future__ import annotations

import keyword
import re
import unicodedata
from collections.abc import Iterable

from meridian.application import Application

LONGEST = 40

_PROTECTED = (
    "sex", "gender", "race", "races", "racial", r"ethnic\w*", "colou?r", r"religio\w*", "nationality",
    "national origin", r"citizen\w*", "marriage", r"marital\w*", "married", "ages?", r"agegte\d+", r"agelt\d+",
    r"birth\w*", "dob", "male", "female", "black", "white", "asian", "hispanic", "non hispanic", "hipac", "amind",
    "latino", "native", r"disab\w*", r"pregnan\w*", "geschlecht", "sexe", "sexo", "familienstand", "welfare",
    "public assistance",
)  # fmt: skip
"""Prohibited bases of Reg B, 12 CFR 1002.2(z), and what stands for them in tables."""
_AFTERWARDS = (
    r"recover\w*", "collection recovery fee", "collected", "charge ?off (date|amount|reason)", "charged ?off",
    "writ(ten|e) ?off", r"settle\w*", r"hardship\w*", r"out prncp\w*", "outstanding", r"total pymnt\w*",
    r"total rec\w*", "total paid", "paid (total|principal|interest)", r"(last|next) (pymnt|payment|credit pull)\w*",
    "(loan|account|payment|repayment|current|final) status", "outcome", "result", "closed", "close date", r"default\w*",
    "dpd", "days past due", "arrears?", "repaid", "payoff", "loss(es)?", "lgd", "ead", "bad", "target", "label",
    r"foreclos\w*", "pymnt plan", "funded amnt inv",
)  # fmt: skip
"""What is known only after the loan was paid out."""
_OWN_OUTPUT = (
    "grade", "sub grade", "int rate", "interest rate", "apr", "installment", "approved", "decision", "score band", "pd",
    "risk (class|grade|rating|band)", "internal rating", "funded amnt",
)  # fmt: skip
"""What the lender itself made of an application."""


def smells_protected(name: str) -> bool:
    """Whether a column's name sounds like a prohibited basis."""
    return _says(name, _PROTECTED)


def smells_afterwards(name: str) -> bool:
    """Whether a column's name sounds like what is known only after the loan was paid out."""
    return _says(name, _AFTERWARDS)


def smells_own_output(name: str) -> bool:
    """Whether a column's name sounds like what the lender decided itself."""
    return _says(name, _OWN_OUTPUT)


def title_of(name: str) -> str:
    """A column's name for people."""
    return " ".join(re.sub(r"[_\s]+", " ", "".join(c for c in name if c.isprintable())).split()) or "unnamed column"


class FieldNames:
    """Makes names that Python, JSON, TOML, SQL and XGBoost all take, each once."""

    def __init__(self, taken: Iterable[str] = ()):
        self._taken = set(taken)

    def make(self, name: str, otherwise: str) -> str:
        """A name like this one; `otherwise` where nothing of it can be kept, as of one that has no Latin letter."""
        plain = _slug(name) or otherwise
        if not plain[0].isalpha():
            plain = f"f_{plain}"
        if keyword.iskeyword(plain) or keyword.issoftkeyword(plain) or hasattr(Application, plain):
            plain = f"{plain}_field"
        if plain in Application.model_fields or plain.startswith("model_"):
            plain = f"own_{plain}"
        unique, number = plain, 2
        while unique in self._taken:
            unique, number = f"{plain}_{number}", number + 1
        self._taken.add(unique)
        return unique


def _slug(text: str) -> str:
    folded = unicodedata.normalize("NFKD", text.replace("ß", "ss")).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "_", folded).strip("_")[:LONGEST].strip("_")


def _says(name: str, words: Iterable[str]) -> bool:
    return re.search(rf"(?<![a-z])({'|'.join(words)})(?![a-z])", _words(name)) is not None


def _words(name: str) -> str:
    """A name in lower case words: `PaymentStatus` and `payment_status` alike."""
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    return re.sub(r"[^a-z0-9]+", " ", apart.lower()).strip()
