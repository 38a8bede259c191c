"""The embedded PostgreSQL: a real server, from a wheel, as a supervised child of `meridian up`.

It asks for passwords (scram-sha-256), listens on 127.0.0.1 alone, and is as durable as any: fsync,
full_page_writes and synchronous_commit stay on.
"""

from __future__ import annotations

import contextlib
import fcntl
import io
import random
import signal
import socket
import time
from pathlib import Path
from urllib.parse import quote

import psycopg2
import psycopg2.errors
import psycopg2.sql

from meridian.errors import NotReady
from meridian.local.cluster import Cluster
from meridian.local.placement import placement_for
from meridian.local.processes import ChildDied, Supervisor, wait_until
from meridian.local.secret_file import SecretFile

HOST = "127.0.0.1"
SUPERUSER = "postgres"
NAME = "postgres"
# Below the range from which systems take ports for outgoing connections, so that the port is
# still free at the next start.
PORTS = range(20000, 32000)
START_ATTEMPTS = 5
READY_WITHIN_S = 120.0  # a crash recovery of a large cluster takes its time
# INT: clients are cut off and a checkpoint is written. QUIT: end at once, recover at the next start.
STOP_PLAN = ((signal.SIGINT, 10.0), (signal.SIGQUIT, 5.0))


class EmbeddedPostgres:
    """One cluster per home. `start` returns when it answers; `stop` when it is gone.

    Secrets are in `home/secrets.json`, the log in `home/logs/postgres.log`. With `children` given
    the server is one of that supervisor's children, else of one of its own.
    """

    def __init__(self, home: Path, children: Supervisor | None = None):
        self._home = home.absolute()
        self._children = children or Supervisor(self._home / "logs")
        self._secrets = SecretFile(self._home / "secrets.json")
        self._lock: io.TextIOWrapper | None = None
        self.notices: list[str] = []
        """What the start found and did that its owner should read, e.g. an old cluster set aside."""

    def start(self) -> None:
        """Start the server, making the cluster at the first time. Raises NotReady, saying what to do."""
        self._home.mkdir(parents=True, exist_ok=True)
        self._take_lock()
        try:
            cluster = Cluster(placement_for(self._home), self._home)
            cluster.stop_leftover()
            self.notices += cluster.prepare(identity=self._secrets.secret("cluster"), password=self._superuser_password)
            self._start(cluster)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Fast shutdown: open transactions are rolled back, what was committed stays. Never raises."""
        self._children.stop(NAME)
        if self._lock:
            self._lock.close()
            self._lock = None

    def secret(self, name: str) -> str:
        """The local secret of that name, made at random when it is first asked for."""
        return self._secrets.secret(name)

    @property
    def port(self) -> int:
        """The TCP port on 127.0.0.1, chosen once and kept. Raises NotReady before the first start."""
        kept = self._secrets.get("postgres_port")
        if kept is None:
            raise NotReady("The embedded PostgreSQL has not been started yet: run `meridian up`.")
        return int(kept)

    @property
    def superuser_url(self) -> str:
        """The URL of the superuser, who owns the cluster, on the database `postgres`."""
        return self.url(SUPERUSER, self._superuser_password, "postgres")

    def url(self, user: str, password: str, database: str) -> str:
        """A SQLAlchemy URL of a database in this cluster."""
        login = f"{quote(user, safe='')}:{quote(password, safe='')}"
        return f"postgresql+psycopg2://{login}@{HOST}:{self.port}/{quote(database, safe='')}"

    def ensure_database(self, name: str) -> None:
        """Make the database unless it is there."""
        with contextlib.closing(self._connect()) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,))
                if cursor.fetchone():
                    return
                with contextlib.suppress(psycopg2.errors.DuplicateDatabase):
                    cursor.execute(psycopg2.sql.SQL("CREATE DATABASE {}").format(psycopg2.sql.Identifier(name)))

    @property
    def _superuser_password(self) -> str:
        return self._secrets.secret("postgres_superuser")

    def _start(self, cluster: Cluster) -> None:
        for _ in range(START_ATTEMPTS - 1):
            try:
                self._start_once(cluster)
            except ChildDied as died:
                # The port was taken in between, or the last backends of a killed server still hold
                # its shared memory: both pass.
                if "could not bind" not in str(died) and "is still in use" not in str(died):
                    raise
                time.sleep(0.5)
            else:
                return
        self._start_once(cluster)

    def _start_once(self, cluster: Cluster) -> None:
        self._choose_port()
        settings = {
            "listen_addresses": HOST,
            "port": str(self.port),
            # A socket's path may have 107 characters at most; a home's path is as long as it likes.
            "unix_socket_directories": "",
            "password_encryption": "scram-sha-256",
            "fsync": "on",
            "full_page_writes": "on",
            "synchronous_commit": "on",
            # A statement that fails, on a full disk say, holds all that an applicant stated: not for the log.
            "log_min_error_statement": "panic",
            "timezone": "UTC",
            "log_timezone": "UTC",
            "cluster_name": "meridian",
        }
        command = [str(cluster.program("postgres")), "-D", str(cluster.data)]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        self._children.start(
            NAME,
            command,
            env=cluster.environment,
            cwd=cluster.folder,
            run_as=cluster.run_as,
            stop_plan=STOP_PLAN,
        )
        if not wait_until(self._answers, seconds=READY_WITHIN_S):
            raise NotReady(
                f"The embedded PostgreSQL did not answer within {READY_WITHIN_S:.0f} s; "
                f"see {self._home / 'logs' / 'postgres.log'}."
            )

    def _answers(self) -> bool:
        self._children.check()
        try:
            self._connect().close()
        except psycopg2.OperationalError as error:
            if "password authentication failed" in str(error):
                raise NotReady(
                    f"The embedded PostgreSQL refuses the password in {self._home / 'secrets.json'}. "
                    "Restore that file from a copy; nothing was changed."
                ) from error
            return False
        return True

    def _connect(self) -> psycopg2.extensions.connection:
        return psycopg2.connect(
            host=HOST,
            port=self.port,
            user=SUPERUSER,
            password=self._superuser_password,
            dbname="postgres",
            sslmode="disable",
            connect_timeout=5,
        )

    def _choose_port(self) -> None:
        kept = self._secrets.get("postgres_port")
        if kept is not None and _is_free(int(kept)):
            return
        for _ in range(100):
            candidate = random.choice(PORTS)  # noqa: S311 (a port is no secret)
            if _is_free(candidate):
                self._secrets.put("postgres_port", str(candidate))
                return
        raise NotReady(f"No free port was found on {HOST} between {PORTS.start} and {PORTS.stop}.")

    def _take_lock(self) -> None:
        """One owner per home. The lock dies with its process, so a crash leaves none behind."""
        lock = (self._home / "lock").open("a")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.close()
            raise NotReady(
                f"Meridian is running on {self._home} already. Stop it first, or set MERIDIAN_HOME to another folder."
            ) from error
        self._lock = lock


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        # As PostgreSQL binds: connections of the last run that linger in TIME_WAIT do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True
