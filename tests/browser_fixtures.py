"""A real browser that watches the pages it opens: what they complain of, and whom they call."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome")
QUIET = ("--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run")


def find_chromium() -> str | None:
    """The browser to drive: MERIDIAN_CHROMIUM, or the first known name in PATH."""
    named = os.environ.get("MERIDIAN_CHROMIUM")
    return named or next((found for name in NAMES if (found := shutil.which(name))), None)


@pytest.fixture(scope="module")
def chromium():
    """One browser for a module. Playwright keeps an event loop running meanwhile, so not for the whole session."""
    path = find_chromium()
    if path is None:
        pytest.skip(f"no browser: none of {', '.join(NAMES)} is in PATH; set MERIDIAN_CHROMIUM to the one to drive")
    playwright = pytest.importorskip("playwright.sync_api")
    # Chromium's own sandbox does not start as root.
    args = [*QUIET, "--disable-gpu", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=args)
        yield browser
        browser.close()


class Watch:
    """Collects what a page must not do: log errors, break its content policy, miss a file, call another host."""

    def __init__(self, origin: str):
        self._origin = origin
        self.complaints: list[str] = []

    def follow(self, page) -> None:
        """Listen to a page from before its first request."""
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.complaints.append(f"script error: {error}"))
        page.on("request", self._request)
        page.on("response", self._response)

    def _console(self, message) -> None:
        # Chromium logs every page whose status is 4xx; files that are missing are noted in `_response`.
        if message.type in ("error", "warning") and not message.text.startswith("Failed to load resource"):
            self.complaints.append(f"console: {message.text}")

    def _request(self, request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme != "data" and f"{parts.scheme}://{parts.netloc}" != self._origin:
            self.complaints.append(f"a request to another host: {request.url}")

    def _response(self, response) -> None:
        if response.status >= 400 and not response.request.is_navigation_request():
            self.complaints.append(f"{response.status} for {response.url}")


@pytest.fixture
def open_page(chromium, server) -> Iterator[Callable]:
    """Makes pages, each with cookies of its own; `open_page(java_script_enabled=False)` and the like are the context's.

    After the test none of them may have complained.
    """
    watch = Watch(server.url)
    contexts = []

    def open_one(**options):
        context = chromium.new_context(base_url=server.url, **options)
        context.set_default_timeout(10_000)
        contexts.append(context)
        context.on("page", watch.follow)
        return context.new_page()

    yield open_one
    for context in contexts:
        context.close()
    assert watch.complaints == []
