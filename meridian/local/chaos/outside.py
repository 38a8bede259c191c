"""The outside sources as child processes, and what is wrong with each of them now."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from meridian.errors import NotReady
from meridian.local.chaos.schedule import Trouble
from meridian.local.processes import Child, Supervisor, wait_until
from meridian.settings import Settings

FIRST_PORT = 18_300
"""Below the ports that systems give to connections on their way out: nobody is to take one while its stub is down."""
PORTS_TRIED = 500
READY_WITHIN_S = 60
SOON_S = 1.0
FLAP_S = 2.0
"""How long a source that is flapping fails, and then answers."""
STOP_STUB = ((signal.SIGTERM, 1.0),)


@dataclass(frozen=True)
class Provider:
    """A stub: which source it is, how long it takes (see `meridian simulate serve`), how long it is waited for.

    The scales make answers of milliseconds, and those of a source that is slow longer than the wait.
    """

    name: str
    source: str
    scale: float
    timeout_ms: int
    dialect: str = "events"
    adapter: str = "events"


PROVIDERS = (
    # The first bureau leaves time for the second one.
    Provider("bureau", "bureau", 5e-4, 30),
    Provider("second-bureau", "bureau", 5e-4, 30, "second", "second_bureau"),
    Provider("bank", "bank", 3e-6, 45),
    Provider("employment", "employment", 2e-6, 45),
)
SOURCES = ("bureau", "bank", "employment")
"""The providers that fail one after the other; the other one is their fallback."""
FALLBACKS = ("second-bureau",)


def choose_ports(host: str = "127.0.0.1") -> dict[str, int]:
    """A free port for each provider. Raises `NotReady` where there are not as many."""
    free = (port for port in range(FIRST_PORT, FIRST_PORT + PORTS_TRIED) if _is_free(host, port))
    ports = dict(zip((one.name for one in PROVIDERS), free, strict=False))
    if len(ports) < len(PROVIDERS):
        raise NotReady(f"No {len(PROVIDERS)} free ports from {FIRST_PORT} on; free some.")
    return ports


def _is_free(host: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def write_sources(file: Path, ports: Mapping[str, int]) -> None:
    """The providers as the service's `sources.toml`."""
    tables = [
        f'[[provider]]\nname = "{one.name}"\nsource = "{one.source}"\nadapter = "{one.adapter}"\n'
        f'url = "http://127.0.0.1:{ports[one.name]}"\ntimeout_ms = {one.timeout_ms}\n'
        for one in PROVIDERS
    ]
    file.write_text("\n".join(tables))


@dataclass
class _Stub:
    """A provider's process, what is wrong with it, and what is to be."""

    provider: Provider
    port: int
    child: Child | None = None
    now: Trouble = Trouble.DOWN
    wanted: Trouble = Trouble.NONE

    @property
    def settled(self) -> bool:
        """Whether all is as wanted; one that is being started is not down for long."""
        return self.now is self.wanted and (self.child is None or self.now is not Trouble.DOWN)


class Outside:
    """All providers. Use it from the supervisor's thread."""

    def __init__(self, children: Supervisor, lender: Path, ports: Mapping[str, int]):
        self._children = children
        self._lender = lender
        self._stubs = {one.name: _Stub(one, ports[one.name]) for one in PROVIDERS}

    @property
    def troubles(self) -> dict[str, Trouble]:
        """What is wrong with each provider now."""
        return {name: stub.now for name, stub in self._stubs.items()}

    def want(self, troubles: Mapping[str, Trouble]) -> None:
        """From the next `settle` on those are in trouble, and no others."""
        for name, stub in self._stubs.items():
            stub.wanted = troubles.get(name, Trouble.NONE)

    def settle(self) -> bool:
        """Bring about what is wanted, as far as it goes at once; whether all of it is so. Call it again and again."""
        for stub in self._stubs.values():
            if not stub.settled:
                self._turn(stub)
        return all(stub.settled for stub in self._stubs.values())

    def recover(self) -> None:
        """All well again. Raises `NotReady` where a stub does not come back."""
        self.want({})
        if not wait_until(self._settled, seconds=READY_WITHIN_S):
            away = [name for name, stub in self._stubs.items() if not stub.settled]
            raise NotReady(f"{', '.join(away)} did not come back within {READY_WITHIN_S} s; see the stubs' logs.")

    def release(self) -> None:
        """Let all processes run that are halted: such a one could not be told to end."""
        for stub in self._stubs.values():
            if stub.now is Trouble.STOPPED and stub.child is not None:
                stub.child.process.send_signal(signal.SIGCONT)
                stub.now = Trouble.NONE

    def _settled(self) -> bool:
        self._children.check()
        return self.settle()

    def _turn(self, stub: _Stub) -> None:
        if stub.child is None:
            stub.child = self._start(stub)
        if stub.now is Trouble.STOPPED:
            stub.child.process.send_signal(signal.SIGCONT)
            stub.now = Trouble.NONE
        if stub.wanted is Trouble.DOWN:
            self._children.stop(stub.child.name)
            stub.child, stub.now = None, Trouble.DOWN
        elif stub.now is Trouble.DOWN:
            if _asked(stub.port, "GET", "/healthz"):
                stub.now = Trouble.NONE
        elif stub.wanted is Trouble.STOPPED:
            stub.child.process.send_signal(signal.SIGSTOP)
            stub.now = Trouble.STOPPED
        elif _asked(stub.port, "PUT", "/faults", {"fault": stub.wanted.value, "seconds": FLAP_S}):
            stub.now = stub.wanted

    def _start(self, stub: _Stub) -> Child:
        one = stub.provider
        command: list[str | Path] = [
            *(sys.executable, "-m", "meridian.cli", "simulate", "serve", one.source),
            *("--folder", self._lender, "--port", str(stub.port)),
            *("--scale", str(one.scale), "--dialect", one.dialect),
        ]
        # A source has no business with the service's databases and secrets.
        ours = {field.validation_alias for field in Settings.model_fields.values()}
        env = {name: value for name, value in os.environ.items() if name not in ours}
        return self._children.start(f"stub-{one.name}", command, env=env, stop_plan=STOP_STUB)


def _asked(port: int, method: str, path: str, document: object = None) -> bool:
    """Whether the stub answered that it is so."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SOON_S)
    try:
        connection.request(method, path, json.dumps(document) if document else None)
        response = connection.getresponse()
        response.read()
    except (OSError, http.client.HTTPException):
        return False
    else:
        return response.status == 200
    finally:
        connection.close()
