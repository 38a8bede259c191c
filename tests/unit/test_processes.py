"""Child processes: watched, stopped in reverse order, and gone when their parent is."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

import psutil
import pytest

from meridian.errors import NotReady
from meridian.local.processes import ChildDied, Supervisor, wait_until

NAP = [sys.executable, "-c", "import time; time.sleep(60)"]


def gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@pytest.fixture
def children(tmp_path):
    with Supervisor(tmp_path / "logs") as supervisor:
        yield supervisor


def test_a_child_writes_its_own_log_and_sees_only_the_environment_it_is_given(children, tmp_path):
    child = children.start(
        "greeter",
        [sys.executable, "-c", "import os; print(os.environ['NAME'], 'SECRET' in os.environ)"],
        env={"NAME": "Ada"},
    )
    child.process.wait(20)
    assert (tmp_path / "logs" / "greeter.log").read_text() == "Ada False\n"


def test_a_child_that_dies_is_named_with_its_exit_code_and_last_words(children):
    child = children.start("doomed", [sys.executable, "-c", "print('old friend'); raise SystemExit(7)"])
    child.process.wait(20)
    with pytest.raises(ChildDied, match=r"(?s)doomed ended with exit code 7.*old friend"):
        children.check()
    assert children.names == ()


def test_the_last_words_are_those_of_this_run(children):
    for words in ("first", "second"):
        child = children.start("doomed", [sys.executable, "-c", f"print({words!r}); raise SystemExit(1)"])
        child.process.wait(20)
        with pytest.raises(ChildDied) as died:
            children.check()
    assert "second" in str(died.value)
    assert "first" not in str(died.value)


def test_a_killed_child_is_told_apart_from_one_that_ended(children):
    child = children.start("victim", NAP)
    child.process.kill()
    child.process.wait(20)
    with pytest.raises(ChildDied, match="victim was killed by SIGKILL"):
        children.check()


def test_a_program_that_does_not_exist_is_refused_by_name(children):
    with pytest.raises(NotReady, match="ghost could not be started"):
        children.start("ghost", ["/nowhere/at/all"])


def test_children_stop_in_reverse_order_of_their_start(children, tmp_path):
    script = (
        "import signal, sys, time\n"
        "def end(*_):\n"
        "    open(sys.argv[1], 'a').write(sys.argv[2] + ' ')\n"
        "    sys.exit()\n"
        "signal.signal(signal.SIGTERM, end)\n"
        "print('ready', flush=True)\n"
        "time.sleep(60)\n"
    )
    for name in ("database", "service", "worker"):
        child = children.start(name, [sys.executable, "-c", script, str(tmp_path / "order"), name])
        assert wait_until(lambda log=child.log: "ready" in log.read_text(), seconds=20)
    children.stop()
    assert (tmp_path / "order").read_text().split() == ["worker", "service", "database"]


def test_a_child_that_ignores_the_request_is_killed_with_its_own_children(children, tmp_path):
    script = (
        "import signal, subprocess, sys, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "grandchild = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "print(grandchild.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    child = children.start("deaf", [sys.executable, "-c", script], stop_plan=((signal.SIGTERM, 0.2),))
    assert wait_until(lambda: child.log.read_text().strip() != "", seconds=20)
    grandchild = int(child.log.read_text())
    children.stop()
    assert child.process.returncode == -signal.SIGKILL
    assert wait_until(lambda: gone(grandchild), seconds=10)


def test_wait_returns_when_the_process_is_asked_to_end(children):
    children.start("napper", NAP)
    threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGTERM)).start()
    before = signal.getsignal(signal.SIGTERM)
    children.wait()
    assert signal.getsignal(signal.SIGTERM) is before
    assert children.names == ("napper",)


def test_wait_ends_with_the_death_of_a_child(children):
    children.start("short", [sys.executable, "-c", "import time; time.sleep(0.3); raise SystemExit(3)"])
    with pytest.raises(ChildDied, match="short ended with exit code 3"):
        children.wait()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the kernel's parent-death signal is Linux's")
def test_nothing_is_left_when_the_parent_is_killed_outright(tmp_path):
    parent = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys, time\n"
            "from pathlib import Path\n"
            "from meridian.local.processes import Supervisor\n"
            "nap = [sys.executable, '-c', 'import time; time.sleep(60)']\n"
            "child = Supervisor(Path(sys.argv[1])).start('napper', nap)\n"
            "print(child.process.pid, flush=True)\n"
            "time.sleep(60)\n",
            str(tmp_path),
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    child = int(parent.stdout.readline())
    time.sleep(0.2)
    assert not gone(child)
    parent.kill()
    parent.wait()
    assert wait_until(lambda: gone(child), seconds=10)
