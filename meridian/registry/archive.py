"""Models by their hash, in use or retired: what a replay of an old decision needs."""

from __future__ import annotations

import threading
from pathlib import Path

import structlog

from meridian.errors import NotReady
from meridian.registry.bundle import find_bundle, load_manifest, read_files, scorer_of
from meridian.scoring import Scorer

log = structlog.get_logger()


class ModelArchive:
    """Models loaded once, each held to its hash. They may read features that the product no longer has."""

    def __init__(self, folder: Path):
        self._folder = folder
        self._loaded: dict[tuple[str, str], Scorer | None] = {}
        self._lock = threading.Lock()

    def __call__(self, product: str, sha256: str) -> Scorer | None:
        """The model with that hash; None where no file of it is kept, or one was changed."""
        with self._lock:
            if (product, sha256) not in self._loaded:
                self._loaded[product, sha256] = self._load(product, sha256)
            return self._loaded[product, sha256]

    def files(self, product: str, sha256: str) -> dict[str, bytes] | None:
        """The files of the model with that hash, each the one that was trained; None where they are not kept."""
        folder = find_bundle(self._folder, product, sha256) if self(product, sha256) else None
        return read_files(folder) if folder else None

    def _load(self, product: str, sha256: str) -> Scorer | None:
        folder = find_bundle(self._folder, product, sha256)
        if folder is None:
            return None
        try:
            return scorer_of(load_manifest(folder), read_files(folder), folder)
        except NotReady as error:
            log.error("model_unusable", product=product, error=str(error))  # noqa: TRY400  # the sentence says it all
            return None
