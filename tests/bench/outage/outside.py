"""An outside source as a process of its own: told over its standard input what to do wrong.

`python -m tests.bench.outage.outside FOLDER PAPERS STRIKES NAME` takes lines `<fault> [share]`. Besides the stubs' own
faults there are `refused`, nobody listens, and `stranger`, the certificate is another's. Each question's moment, on the
clock that all processes share, goes to STRIKES.
"""

from __future__ import annotations

import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from meridian.simulator.stubs import Fault, FaultName, Faults, StubSource, Tls, serve
from tests.services import free_port

SCALES = {"bureau": 1e-3, "bureau-two": 1e-3, "bank": 5e-6, "employment": 1e-6}
"""Answers take 5 to 15 ms of the bureaus, 9 to 18 of the bank, up to 14 of the employers."""
REFUSED, STRANGER = "refused", "stranger"


class Noted(Faults):
    """Faults that note when they were asked for."""

    def __init__(self, notes: IO[str]):
        super().__init__(Fault(), seed=1)
        self._notes = notes

    def strike(self) -> FaultName:
        self._notes.write(f"{time.monotonic():.6f}\n")
        return super().strike()


@dataclass
class Outside:
    """One source on a port that stays the same."""

    source: StubSource
    faults: Noted
    papers: Path
    port: int = field(default_factory=free_port)
    running: ExitStack = field(default_factory=ExitStack)
    fault: str = "none"

    def listen(self, paper: str) -> None:
        self.running.close()
        tls = Tls(self.papers / f"{paper}.pem", self.papers / f"{paper}.key")
        self.running.enter_context(serve(self.source, self.faults, port=self.port, tls=tls))

    def does(self, fault: str, **how: Any) -> None:
        before, self.fault = self.fault, fault
        if fault == REFUSED:
            self.running.close()
        elif fault == STRANGER:
            self.listen("stranger")
        else:
            if before in (REFUSED, STRANGER):
                self.listen("stub")
            self.faults.change(Fault.named(fault, **how))


def main(folder: str, papers: str, strikes: str, name: str) -> None:
    dialect = "second" if name == "bureau-two" else "events"
    stub = StubSource(name.partition("-")[0], Path(folder), scale=SCALES[name], seed=1, dialect=dialect)
    with Path(strikes).open("w", buffering=1) as notes:
        outside = Outside(stub, Noted(notes), Path(papers))
        outside.listen("stub")
        with outside.running:
            say(outside.port)
            for line in sys.stdin:
                fault, *share = line.split()
                outside.does(fault, **({"share": float(share[0])} if share else {}))
                say("done")


def say(what: object) -> None:
    sys.stdout.write(f"{what}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:5])
