"""Faults, made on purpose: processes killed, wires cut or held, disks that are full, clocks that are wrong."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import Enum
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError

from meridian.bell import QUEUES
from meridian.db.dsn import libpq_dsn
from meridian.db.engine import BROKER_ROLE
from meridian.db.migrate import migrate
from meridian.local.broker import install_pgmq
from meridian.local.cluster import Cluster
from meridian.local.placement import placement_for
from meridian.local.postgres import STOP_PLAN
from meridian.local.processes import Supervisor, wait_until
from tests.services import Service, free_port

PASSWORD = "nobody-but-this-test"
READY_FOR_QUERY = b"Z\0\0\0\5"
"""What a PostgreSQL server says last when it has done a statement and, outside a transaction, committed it."""


def kill_9(service: Service, name: str) -> None:
    """Kill a child with all its own children, at once and without a word."""
    child = next(one for one in service.children._children if one.name == name)
    os.killpg(child.process.pid, signal.SIGKILL)
    child.process.wait(10)
    service.children.stop(name)


@contextmanager
def silent_port() -> Iterator[int]:
    """A port that accepts and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        yield int(listener.getsockname()[1])


class BareServer:
    """PostgreSQL as an administrator runs it: its settings in files of its own, none but its address stated at the
    start. `env` comes into its environment, for a clock that is wrong."""

    def __init__(self, home: Path, env: Mapping[str, str] | None = None):
        self._placement = placement_for(home)
        self.folder = self._placement.folder
        self._cluster = Cluster(self._placement, home)
        self._cluster.prepare(identity="test", password=PASSWORD)
        self._children = Supervisor(home / "logs")
        self._env = {**self._cluster.environment, **(env or {})}
        self.port = free_port()
        self.url = f"postgresql+psycopg2://postgres:{PASSWORD}@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        """Returns when it answers."""
        stated = {"listen_addresses": "127.0.0.1", "port": self.port, "unix_socket_directories": ""}
        command = [self._cluster.program("postgres"), "-D", self._cluster.data]
        command += [part for name, value in stated.items() for part in ("-c", f"{name}={value}")]
        self._children.start(
            "postgres", command, env=self._env, cwd=self.folder, run_as=self._cluster.run_as, stop_plan=STOP_PLAN
        )
        assert wait_until(self._answers, seconds=30)

    def stop(self) -> None:
        self._children.stop()

    def make_database(self) -> str:
        """The URL of a database with schema and queue, which goes with the server."""
        self.execute("CREATE DATABASE meridian")
        url = make_url(self.url).set(database="meridian").render_as_string(hide_password=False)
        migrate(url)
        install_pgmq(libpq_dsn(url), BROKER_ROLE, QUEUES)
        return url

    def execute(self, *statements: str) -> None:
        """As the superuser, each statement by itself."""
        engine = create_engine(self.url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            for statement in statements:
                connection.execute(text(statement))
        engine.dispose()

    def _answers(self) -> bool:
        self._children.check()
        with contextlib.suppress(OperationalError):
            self.execute("SELECT 1")
            return True
        return False


@contextmanager
def bare_server(home: Path, env: Mapping[str, str] | None = None) -> Iterator[BareServer]:
    """A server, started; it and its data are gone afterwards."""
    server = BareServer(home, env)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(server.folder, ignore_errors=True)


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[None]:
    """A file system of that size on the folder, in memory. Skips the test where none may be mounted."""
    mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)]
    try:
        subprocess.run(mount, check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no small disk can be mounted here, which takes root: {getattr(error, 'stderr', '') or error}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill_disk(folder: Path) -> Path:
    """A file that takes all the room that is left on the folder's disk."""
    path = folder / "filler"
    with path.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(65_536))
    return path


class Clock:
    """The clock of processes that are started with its `env`; it can be moved while they run.

    Their monotonic clock and the times of files stay as they are. Skips the test where libfaketime is missing.
    """

    def __init__(self, folder: Path, ahead_s: int = 0):
        library = next(Path("/usr").glob("lib*/**/faketime/libfaketimeMT.so.1"), None)
        if library is None:
            pytest.skip("libfaketime is missing (on Debian: apt-get install faketime)")
        self._file = folder / "clock"
        self.env = {
            "LD_PRELOAD": str(library),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            # As it guesses on its own, threads wait for one another by the hour.
            "FAKETIME_FORCE_MONOTONIC_FIX": "0",
            "NO_FAKE_STAT": "1",
            "PYTHONPATH": os.pathsep.join(filter(None, (str(folder), os.environ.get("PYTHONPATH")))),
        }
        # Python sleeps until a moment of the monotonic clock, which the library (0.9.10) moves all the same.
        (folder / "sitecustomize.py").write_text(
            "import select, time\ntime.sleep = lambda seconds: select.select([], [], [], seconds) and None\n"
        )
        self.move(ahead_s)

    def move(self, ahead_s: int) -> None:
        """Set it so many seconds ahead of the true time; negative: behind."""
        fresh = self._file.with_suffix(".new")
        fresh.write_text(f"{ahead_s:+d}\n")
        fresh.chmod(0o644)
        fresh.rename(self._file)


class Moment(Enum):
    """When the connection over which a statement goes breaks."""

    ON_ITS_WAY = "the server never hears of it"
    UNDER_WAY = "the server has it, and is not waited for"
    ON_THE_WAY_BACK = "the server has done it, and its answer is lost"


class Wire:
    """A port that leads to a database, as long as it is `whole`.

    `cut`: nobody listens, and what was connected is closed. `held`: it accepts, and nothing comes back,
    neither on new connections nor on old ones. `cut_once`: it breaks over one statement, and is whole for the next.
    """

    def __init__(self, database_url: str):
        parsed = make_url(database_url)
        self._target = (parsed.host or "127.0.0.1", parsed.port or 5432)
        self.port = free_port()
        self.url = parsed.set(host="127.0.0.1", port=self.port).render_as_string(hide_password=False)
        self._listener: socket.socket | None = None
        self._open: set[socket.socket] = set()
        self._flows = threading.Event()
        self._lock = threading.Lock()
        self._breaks: list[tuple[bytes, Moment]] = []
        self.broken = 0
        """How many connections broke over a statement."""

    def cut_once(self, statement: bytes, moment: Moment) -> None:
        """Break the next connection over which a statement with these words goes; asked twice, the next two."""
        with self._lock:
            self._breaks.append((statement, moment))

    def whole(self) -> None:
        """Listen and pass everything on; what was held before is closed."""
        self._close_all()
        self._flows.set()
        self._listen()

    def held(self) -> None:
        """Listen, and pass nothing on."""
        self._flows.clear()
        self._listen()

    def cut(self) -> None:
        """Stop listening, and close every connection."""
        listener, self._listener = self._listener, None
        if listener is not None:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        self._close_all()

    def _listen(self) -> None:
        if self._listener is None:
            self._listener = socket.create_server(("127.0.0.1", self.port), backlog=64)
            threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                caller, _ = listener.accept()
                threading.Thread(target=self._lead, args=(caller,), daemon=True).start()

    def _lead(self, caller: socket.socket) -> None:
        server = socket.create_connection(self._target)
        with self._lock:
            self._open |= {caller, server}
        deaf = threading.Event()
        threading.Thread(target=self._pass_on, args=(caller, server, deaf), daemon=True).start()
        self._pass_back(server, caller, deaf)

    def _pass_on(self, caller: socket.socket, server: socket.socket, deaf: threading.Event) -> None:
        with contextlib.suppress(OSError):
            while data := caller.recv(65_536):
                self._flows.wait()
                moment = self._breaks_over(data)
                if moment is Moment.ON_ITS_WAY:
                    break
                if moment is Moment.ON_THE_WAY_BACK:
                    deaf.set()
                server.sendall(data)
                if moment is Moment.UNDER_WAY:
                    break
        self._close(caller, server)

    def _pass_back(self, server: socket.socket, caller: socket.socket, deaf: threading.Event) -> None:
        with contextlib.suppress(OSError):
            while data := server.recv(65_536):
                self._flows.wait()
                if not deaf.is_set():
                    caller.sendall(data)
                elif READY_FOR_QUERY in data:
                    break
        self._close(server, caller)

    def _breaks_over(self, data: bytes) -> Moment | None:
        with self._lock:
            found = next((one for one in self._breaks if one[0] in data), None)
            if found is None:
                return None
            self._breaks.remove(found)
            self.broken += 1
            return found[1]

    def _close_all(self) -> None:
        with self._lock:
            sockets = list(self._open)
        self._close(*sockets)

    def _close(self, *sockets: socket.socket) -> None:
        for one in sockets:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        with self._lock:
            self._open -= set(sockets)
