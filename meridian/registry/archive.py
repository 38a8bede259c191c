"""Models by their hash, in use or retired: what a replay of an old decision needs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path, PurePath, PurePosixPath

import structlog

from meridian.errors import NotReady
from meridian.registry.bundle import MANIFEST, find_bundle, manifest_of, read_files, scorer_of
from meridian.scoring import Scorer

log = structlog.get_logger()


class ModelArchive:
    """Models loaded once, each held to its hash, wherever it is kept. They may read features that the product no
    longer has. `registered` gives the files of a model of the registry, or None.
    """

    def __init__(self, folder: Path, registered: Callable[[str], Mapping[str, bytes] | None]):
        self._folder = folder
        self._registered = registered
        self._loaded: dict[tuple[str, str], Scorer] = {}
        self._lock = threading.Lock()

    def __call__(self, product: str, sha256: str) -> Scorer | None:
        """The model with that hash; None where no file of it is kept, or one was changed."""
        with self._lock:
            scorer = self._loaded.get((product, sha256))
            if scorer is None and (kept := self._kept(product, sha256)) is not None:
                scorer = self._loaded[product, sha256] = kept[1]
            return scorer

    def files(self, product: str, sha256: str) -> Mapping[str, bytes] | None:
        """The files of the model with that hash, each the one that was trained; None where they are not kept."""
        kept = self._kept(product, sha256)
        return kept[0] if kept else None

    def _kept(self, product: str, sha256: str) -> tuple[Mapping[str, bytes], Scorer] | None:
        """From the registry, and where it has nothing that holds, from the folder."""
        registered = self._registered(sha256)
        if registered is not None:
            found = _read(lambda: registered, PurePosixPath("registry", sha256))
            if found is not None and found[1].sha256 == sha256:
                return found
        folder = find_bundle(self._folder, product, sha256)
        return _read(lambda: read_files(folder), folder) if folder is not None else None


def _read(read: Callable[[], Mapping[str, bytes]], where: PurePath) -> tuple[Mapping[str, bytes], Scorer] | None:
    try:
        files = read()
        manifest = manifest_of(files, where)
        scorer = scorer_of(manifest, files, where)
    except NotReady as error:
        log.error("model_unusable", where=str(where), error=str(error))  # noqa: TRY400  # the sentence says it all
        return None
    # A card may lie beside; it is no part of the model.
    return {name: files[name] for name in (MANIFEST, *manifest.files)}, scorer
