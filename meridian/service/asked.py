"""Sources and their providers: who is asked, in which order, behind which time-outs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from meridian.errors import InvalidInput
from meridian.features import Source
from meridian.products import Product
from meridian.sources import Asking, Breaker, Deadline, Line, Observer, Pending
from meridian.sources.providers import Provider, ProviderSettings, make_provider
from meridian.sources.reply import Checker, Later, Told


@dataclass(frozen=True)
class Asked:
    """A source's providers, the preferred one first, each behind its line."""

    asking: Asking
    providers: Sequence[Provider]

    alone: Mapping[str, Asking]
    """Each line by itself, by its name: for who has said to come back."""

    @property
    def lines(self) -> Sequence[Line]:
        """The providers' lines, in their order."""
        return self.asking.lines

    @property
    def room(self) -> int:
        """How many questions at once the preferred provider is asked."""
        return self.lines[0].threads

    @property
    def longest_s(self) -> float:
        """Seconds in which all of them, one after the other, have had their time."""
        return sum(line.timeout_s for line in self.lines)

    def begin(self, applicant_id: str, deadline: Deadline) -> Pending[Told]:
        """Begin to ask about an applicant; whoever asks the same at the same time shares the answer."""
        return self.asking.begin(applicant_id, [partial(one.ask, applicant_id) for one in self.providers], deadline)

    def come_back(self, applicant_id: str, name: str, later: Later, deadline: Deadline) -> Pending[Told] | None:
        """Begin to fetch an answer from the provider that has it; None where that one is not asked any more."""
        if name not in self.alone:
            return None
        provider = self.providers[list(self.alone).index(name)]
        return self.alone[name].begin((applicant_id, later), [partial(provider.fetch, applicant_id, later)], deadline)


def sources_of(products: Iterable[Product]) -> dict[str, list[Source]]:
    """The sources that are looked up, by name, each with its definitions in the products."""
    found: dict[str, list[Source]] = {}
    for product in products:
        for source in product.sources:
            found.setdefault(source.name, []).append(source)
    return found


def asked_sources(
    settings: Sequence[ProviderSettings],
    sources: Mapping[str, Sequence[Source]],
    clock: Callable[[], datetime],
    observer: Observer,
    *,
    ahead: bool,
) -> dict[str, Asked]:
    """The sources that have providers, by name: those that are asked while a decision waits, or ahead of it, all.

    Raises `InvalidInput` for a provider of a source that no product looks up, or that cannot be made.
    """
    by_source: dict[str, list[ProviderSettings]] = {}
    for one in settings:
        if one.source not in sources:
            known = ", ".join(sorted(sources)) or "none"
            raise InvalidInput(f"{one.name}: source: {one.source!r} is looked up by no product; there is {known}")
        if ahead or one.in_path:
            by_source.setdefault(one.source, []).append(one)
    return {name: _asked(name, ones, sources[name], clock, observer, ahead) for name, ones in by_source.items()}


def _asked(
    name: str,
    settings: Sequence[ProviderSettings],
    sources: Sequence[Source],
    clock: Callable[[], datetime],
    observer: Observer,
    ahead: bool,
) -> Asked:
    checker = _checker(sources)
    providers = [make_provider(one, checker, clock) for one in settings]
    lines = [_line(one, ahead=ahead) for one in settings]
    alone = {line.name: Asking(name, [line]) for line in lines} if ahead else {}
    return Asked(Asking(name, lines, observer=observer), providers, alone)


def _line(settings: ProviderSettings, *, ahead: bool) -> Line:
    # Apart: a provider that is too slow for a decision may be quick enough for one who is still filling in the form.
    name = f"{settings.name}-ahead" if ahead else settings.name
    timeout_s = settings.ahead_timeout_s if ahead else settings.timeout_ms / 1000
    return Line(name, Breaker(name), timeout_s=timeout_s, threads=settings.threads)


def _checker(sources: Sequence[Source]) -> Checker:
    try:
        return Checker(sources)
    except ValueError as error:
        raise InvalidInput(str(error)) from None
