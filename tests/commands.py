"""Commands as their callers run them, each in a process of its own that begins with everything imported.

Imports are most of what a short command takes, and tests call hundreds. So one process, started for the run, imports
the command line and forks for each call: the fork has the call's environment, folder, input and outputs, and ends as
any process ends. What `meridian` itself does from the first import on is tested where it is started by its name.
"""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from meridian.cli.commands import COMMANDS
from meridian.cli.main import main

ROOT = Path(__file__).parents[1]
_one_at_a_time = threading.Lock()


def meridian(
    arguments: Sequence[str | Path], env: Mapping[str, str], given: str = ""
) -> subprocess.CompletedProcess[str]:
    """`meridian` with these words: its exit code and what it said, `given` what it read."""
    words = ["meridian", *map(str, arguments)]
    with tempfile.TemporaryDirectory() as place, _one_at_a_time:
        files = [Path(place, name) for name in ("in", "out", "err")]
        files[0].write_text(given)
        forking = _forking()
        call = [words, dict(env), str(Path.cwd()), [str(file) for file in files]]
        forking.stdin.write(json.dumps(call) + "\n")
        forking.stdin.flush()
        code = json.loads(forking.stdout.readline())
        return subprocess.CompletedProcess(words, code, files[1].read_text(), files[2].read_text())


@cache
def _forking() -> Any:
    process = subprocess.Popen(
        [sys.executable, "-c", "from tests.commands import serve; serve()"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )

    def end() -> None:
        process.stdin.close()
        process.wait()

    atexit.register(end)
    return process


def serve() -> None:
    """Fork for each call that comes in on standard input, and answer with its exit code; until that ends."""
    with os.fdopen(os.dup(0)) as calls, os.fdopen(os.dup(1), "w") as codes:
        nothing = os.open(os.devnull, os.O_RDWR)
        os.dup2(nothing, 0)
        os.dup2(nothing, 1)
        for name, command in COMMANDS.items():
            command.load(name)
        for call in calls:
            fork = get_context("fork").Process(target=_command, args=json.loads(call))
            fork.start()
            fork.join()
            codes.write(json.dumps(fork.exitcode) + "\n")
            codes.flush()


def _command(words: list[str], env: Mapping[str, str], folder: str, files: Sequence[str]) -> None:
    sys.argv = words
    os.environ.clear()
    os.environ.update(env)
    os.chdir(folder)
    for number, (file, mode) in enumerate(zip(files, ("rb", "wb", "wb"), strict=True)):
        with Path(file).open(mode) as opened:
            os.dup2(opened.fileno(), number)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115 - that of a forked process reads nothing
    main()
