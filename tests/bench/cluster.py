"""What training on worker processes costs and saves: `python -m tests.bench.cluster [LOANS]`.

The batch model of simulated applicants, grown in one process and on two workers, each in a fresh process; time of
fitting, and the most memory that the asking process and the largest worker held.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import psutil

from meridian.products import find_product
from meridian.registry import Purpose
from meridian.training.demo import demo_frame
from meridian.training.fit import Options, fit
from meridian.training.frame import Frame
from meridian.training.growing.joining import engine_of
from meridian.training.measure import measure

MB = 1e6
LOANS = 1_000_000
SEED = 2


def draw(file: Path, loans: int) -> None:
    """The frame's arrays in a file, so that what drawing them left in memory is not counted."""
    frame, _ = demo_frame(find_product("personal-loan"), loans, SEED)
    np.savez(file, matrix=frame.matrix, target=frame.target, period=frame.period)
    print(f"frame: {len(frame.target):,} x {len(frame.names)}, {frame.matrix.nbytes / MB:.0f} MB")


def measured(file: Path, engine: str) -> None:
    """Fit once on an engine and print what it took."""
    product = find_product("personal-loan")
    like, _ = demo_frame(product, 2000, SEED)
    with np.load(file) as arrays:
        frame = Frame(like.names, arrays["matrix"], arrays["target"], arrays["period"], like.split)
    this, stop = psutil.Process(), threading.Event()
    before, here, workers = this.memory_info().rss, [0], [0]

    def watch() -> None:
        while not stop.wait(0.02):
            here.append(this.memory_info().rss)
            for child in this.children(recursive=True):
                try:
                    workers.append(child.memory_info().rss)
                except psutil.Error:  # gone meanwhile
                    continue

    threading.Thread(target=watch, daemon=True).start()
    begun = time.perf_counter()
    with engine_of(engine) as place:
        started = time.perf_counter()
        fitted = fit(product, frame, Purpose.BATCH, Options(engine=place))
        done = time.perf_counter()
    stop.set()
    auc = measure(frame.target[~frame.trains], fitted.pds[~frame.trains])["auc"]
    print(
        f"{engine}: started in {started - begun:.1f} s, fitted in {done - started:.1f} s; this process held "
        f"{before / MB:.0f} MB before and {max(here) / MB:.0f} MB at most, the largest worker {max(workers) / MB:.0f} "
        f"MB; AUC {auc:.4f}"
    )


def main() -> None:
    """Draw, then measure each engine in a process of its own."""
    if len(sys.argv) == 3:
        measured(Path(sys.argv[1]), sys.argv[2])
        return
    with tempfile.TemporaryDirectory() as place:
        file = Path(place) / "frame.npz"
        draw(file, int(sys.argv[1]) if len(sys.argv) > 1 else LOANS)
        for engine in ("local", "dask"):
            subprocess.run([sys.executable, "-m", "tests.bench.cluster", str(file), engine], check=True)


if __name__ == "__main__":
    main()
