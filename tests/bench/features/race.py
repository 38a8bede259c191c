"""All joins in rounds, each time in a fresh process, and what is wrong with their answers."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from tests.bench.features.answers import Wrong, check_definition, wrong
from tests.bench.features.inputs import Inputs
from tests.bench.features.joins import ENGINE, ENGINE_20, JOINS, WITH_FEAST

TAKES_AT_MOST_S = 900.0


@dataclass
class Joined:
    """A join's figures, one for each round, and its last answer held against the events."""

    seconds: list[float] = field(default_factory=list)
    cpu_s: list[float] = field(default_factory=list)
    peak_mb: list[float] = field(default_factory=list)
    wrong: Wrong | None = None
    failed: str = ""
    """Why there are no more figures: out of memory, or too slow."""


@dataclass(frozen=True)
class Race:
    """What is needed to run any of the joins."""

    inputs: Inputs
    memory: str
    feast_python: Path | None

    def subjects(self) -> list[str]:
        """The joins that can be run here."""
        return [name for name in JOINS if name not in WITH_FEAST or self.feast_python]

    def run(self, repeats: int, report: Callable[[str, int], None]) -> dict[str, Joined]:
        """To and fro, so that what drifts, drifts for all. Raises `AssertionError` where Meridian's answer is wrong."""
        results = {name: Joined() for name in self.subjects()}
        for number in range(1, repeats + 1):
            for name in self.subjects()[:: 1 if number % 2 else -1]:
                report(name, number)
                if not results[name].failed:
                    self._once(name, results[name])
        truth = np.load(self._answer(ENGINE))
        check_definition(self.inputs, truth)
        np.testing.assert_array_equal(truth, np.load(self._answer(ENGINE_20)))
        for name, joined in results.items():
            if joined.seconds:
                joined.wrong = wrong(self.inputs, np.load(self._answer(name)), truth)
        return results

    def _once(self, name: str, joined: Joined) -> None:
        try:
            done = subprocess.run(
                self._command(name), capture_output=True, text=True, check=False, timeout=TAKES_AT_MOST_S
            )
        except subprocess.TimeoutExpired:
            joined.failed = f"not done after {TAKES_AT_MOST_S:.0f} s"
            return
        if done.returncode:
            joined.failed = (done.stderr.strip().splitlines() or [f"ended with {done.returncode}"])[-1]
            return
        figures = json.loads(done.stdout.splitlines()[-1])
        joined.seconds.append(figures["seconds"])
        joined.cpu_s.append(figures["cpu_s"])
        joined.peak_mb.append(figures["peak_mb"])

    def _command(self, name: str) -> Sequence[str]:
        answer = str(self._answer(name))
        if name in WITH_FEAST:
            script = str(Path(__file__).with_name("feast_join.py"))
            inputs = [self.inputs.events, str(self.inputs.pairs), answer]
            return [str(self.feast_python), "-W", "ignore", script, *inputs, WITH_FEAST[name], self.memory]
        child = "tests.bench.features.child"
        return [sys.executable, "-m", child, name, str(self.inputs.folder), answer, self.memory]

    def _answer(self, name: str) -> Path:
        return self.inputs.folder / f"{name}.npy"
