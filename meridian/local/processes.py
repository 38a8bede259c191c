"""Child processes under one parent: started with a log each, watched, and stopped in reverse order.

A child gets a session of its own, so that Ctrl-C in a terminal reaches the parent alone, which then
stops the children in order. On Linux the kernel also signals the child should the parent be killed
outright (`PR_SET_PDEATHSIG`), so that nothing is left running.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, TracebackType

from meridian.errors import NotReady

PR_SET_PDEATHSIG = 1
LOG_LIMIT_BYTES = 10 * 1024 * 1024
POLL_S = 0.1

StopPlan = Sequence[tuple[signal.Signals, float]]
"""Signals to send in turn, each with the seconds it is given; SIGKILL follows the last."""

GRACEFUL: StopPlan = ((signal.SIGTERM, 15.0),)


class ChildDied(NotReady):
    """A child process ended by itself."""

    def __init__(self, name: str, code: int, log: Path, since: int = 0):
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        said = last_lines(log, 20, since)
        said = f"Its last words:\n{said}" if said else "It wrote nothing to its log."
        super().__init__(f"{name} {how}. {said}\nThe whole log: {log}")
        self.name = name
        self.code = code


@dataclass(frozen=True)
class RunAs:
    """The unprivileged account that a child runs as when the parent is root."""

    uid: int
    gid: int


@dataclass(frozen=True)
class Child:
    """One started process, the log it writes and the way it is stopped."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path
    log_start: int
    stop_plan: StopPlan


class Supervisor:
    """Starts, watches and stops children. Use it from one thread that lives as long as they do.

    (The kernel ties `PR_SET_PDEATHSIG` to the thread that forked, not to the process.)
    """

    def __init__(self, logs: Path):
        self._logs = logs
        self._children: list[Child] = []
        self._asked = threading.Event()

    def __enter__(self) -> Supervisor:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def names(self) -> tuple[str, ...]:
        """The children started and not stopped yet, in the order of their start."""
        return tuple(child.name for child in self._children)

    def start(
        self,
        name: str,
        command: Sequence[str | Path],
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        run_as: RunAs | None = None,
        stop_plan: StopPlan = GRACEFUL,
    ) -> Child:
        """Start `command` with its output appended to `<logs>/<name>.log`.

        `env` is the child's whole environment (default: the parent's). Raises NotReady where the
        program cannot be started at all.
        """
        self._logs.mkdir(parents=True, exist_ok=True)
        log = self._logs / f"{name}.log"
        _set_long_log_aside(log)
        with log.open("ab") as out:
            log_start = out.tell()
            try:
                process = subprocess.Popen(
                    [str(part) for part in command],
                    env=None if env is None else dict(env),
                    cwd=cwd,
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                    user=run_as.uid if run_as else None,
                    group=run_as.gid if run_as else None,
                    extra_groups=[] if run_as else None,
                    preexec_fn=_die_with_parent(stop_plan[0][0]),
                )
            except (OSError, subprocess.SubprocessError) as error:
                raise NotReady(f"{name} could not be started: {error}") from error
        child = Child(name, process, log, log_start, stop_plan)
        self._children.append(child)
        return child

    def check(self) -> None:
        """Raise ChildDied for the first child found to have ended by itself."""
        for child in self._children:
            code = child.process.poll()
            if code is not None:
                self._children.remove(child)
                _kill_group(child)
                raise ChildDied(child.name, code, child.log, child.log_start)

    def wait(self) -> None:
        """Return when this process is asked to end (SIGINT, SIGTERM, SIGHUP) or `ask_to_stop` was called.

        Raises ChildDied when a child ends first. Call it from the main thread.
        """
        with _handling((signal.SIGINT, signal.SIGTERM, signal.SIGHUP), self._asked.set):
            while not self._asked.wait(POLL_S):
                self.check()

    def ask_to_stop(self) -> None:
        """Make `wait` return; safe from any thread."""
        self._asked.set()

    def stop(self, name: str | None = None) -> None:
        """Stop every child, the last started first, or only the one called `name`. Never raises.

        Further Ctrl-C while this runs is ignored: each child's time is limited anyhow.
        """
        with _handling((signal.SIGINT, signal.SIGTERM, signal.SIGHUP), lambda: None):
            for child in reversed([c for c in self._children if name in (None, c.name)]):
                _stop(child)
                self._children.remove(child)


def _stop(child: Child) -> None:
    """The leader alone is asked: gunicorn and celery end their own workers in their own order."""
    for number, grace_s in child.stop_plan:
        if child.process.poll() is not None:
            break
        child.process.send_signal(number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.process.wait(grace_s)
    _kill_group(child)
    child.process.wait()


def _kill_group(child: Child) -> None:
    """What is left of the child's group. The group's number is the child's: it leads its session."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.process.pid, signal.SIGKILL)


def _die_with_parent(number: signal.Signals) -> Callable[[], None] | None:
    """What the child does between fork and exec: ask to be signalled when its parent is gone.

    It runs after the change of user, which would reset the wish.
    """
    if not sys.platform.startswith("linux"):
        return None
    # Looked up before the fork: in the child nothing may be loaded or locked.
    prctl = ctypes.CDLL(None).prctl
    parent = os.getpid()

    def ask() -> None:
        prctl(PR_SET_PDEATHSIG, int(number), 0, 0, 0)
        if os.getppid() != parent:  # it died in between
            os.kill(os.getpid(), signal.SIGKILL)

    return ask


@contextlib.contextmanager
def _handling(numbers: Sequence[signal.Signals], act: Callable[[], None]) -> Iterator[None]:
    """`act` instead of the usual answer to these signals; nothing changes outside the main thread."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def handle(_number: int, _frame: FrameType | None) -> None:
        act()

    before = {number: signal.signal(number, handle) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _set_long_log_aside(log: Path) -> None:
    """One generation of old log is kept, so that a folder in daily use does not grow for ever."""
    with contextlib.suppress(FileNotFoundError):
        if log.stat().st_size > LOG_LIMIT_BYTES:
            log.replace(log.with_suffix(".log.1"))


def last_lines(log: Path, count: int, since: int = 0) -> str:
    """The last `count` lines of a log that stand after byte `since`; empty where there are none."""
    try:
        with log.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(since, size - 64 * 1024))
            text = file.read().decode(errors="replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-count:])


def wait_until(ready: Callable[[], bool], *, seconds: float, every_s: float = 0.05) -> bool:
    """Whether `ready()` came true within `seconds`."""
    until = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > until:
            return False
        time.sleep(every_s)
    return True
