"""`python -m tests.bench.features.child JOIN FOLDER ANSWER MEMORY`: one join in a process of its own, measured."""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path

import numpy as np

from tests.bench.features.inputs import Inputs
from tests.bench.features.joins import prepare


def peak_mb() -> float:
    """The most memory that this process ever held. `ru_maxrss` would count its parent's, too, on Linux."""
    status = Path("/proc/self/status")
    if status.exists():
        return int(status.read_text().split("VmHWM:")[1].split()[0]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def cpu_s() -> float:
    """What this process has used of the cores."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main(name: str, folder: str, answer: str, memory: str) -> None:
    """Time the join, and write its answer beside its figures."""
    join = prepare(name, Inputs(Path(folder)), memory)
    used, start = cpu_s(), time.perf_counter()
    values = join()
    figures = {"seconds": time.perf_counter() - start, "cpu_s": cpu_s() - used, "peak_mb": peak_mb()}
    np.save(answer, values)
    sys.stdout.write(json.dumps(figures) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
