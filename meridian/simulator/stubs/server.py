"""A stub as an HTTP server, for as long as it is wanted."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from threading import Thread

from meridian.errors import InvalidInput
from meridian.simulator.stubs.answering import Handler
from meridian.simulator.stubs.connections import LOOK_S, Server
from meridian.simulator.stubs.faults import Faults
from meridian.simulator.stubs.source import StubSource
from meridian.simulator.stubs.tls import Tls

THREADS = 128


@contextlib.contextmanager
def serve(
    source: StubSource,
    faults: Faults,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    threads: int = THREADS,
    tls: Tls | None = None,
    api_key: str | None = None,
) -> Iterator[str]:
    """The address at which the stub answers; port 0 is any that is free. At the end, those who wait are cut off.

    With `api_key`, questions have to show it; the health and the faults stay open. Raises `InvalidInput` where the
    port cannot be had, or the files of `tls` cannot be used.
    """
    context = tls.context() if tls else None
    try:
        server = Server((host, port), Handler, source, faults, threads=threads, tls=context, api_key=api_key)
    except (OSError, OverflowError) as error:
        raise InvalidInput(f"{host}:{port} cannot be listened on ({error}); give another port, or 0") from None
    loop = Thread(target=server.serve_forever, kwargs={"poll_interval": LOOK_S}, name=f"stub-{source.name}")
    loop.start()
    try:
        yield f"{'https' if tls else 'http'}://{host}:{server.server_port}"
    finally:
        server.stopping.set()
        server.shutdown()
        loop.join()
        server.finish()
        server.server_close()
