"""Models in memory: those that the registry says, and else those of the folder, loaded at first use."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from pathlib import Path

import structlog

from meridian.errors import NotReady
from meridian.products import Product
from meridian.registry.bundle import bundle_folder, load_scorer
from meridian.registry.in_use import ModelsInUse
from meridian.registry.manifest import Purpose, features_for
from meridian.scoring import Scorer

log = structlog.get_logger()

LOOK_AGAIN_S = 5.0


class ModelShelf:
    """Models of one purpose by product.

    The folder's decide only where the registry has nobody, and not where `folder` is None. One that was missing there
    is looked for again after a few seconds.
    """

    def __init__(self, folder: Path | None, purpose: Purpose, offered: Mapping[str, Product], in_use: ModelsInUse):
        self._folder = folder
        self._purpose = purpose
        self._offered = offered
        self._in_use = in_use
        self._loaded: dict[str, Scorer] = {}
        self._look_again: dict[str, float] = {}
        self._lock = threading.Lock()

    def __call__(self, product: str, applicant_id: str | None = None) -> Scorer | None:
        """The model that decides about an applicant (None: about all whom no challenger does), or None where it is
        missing or cannot be trusted: then nobody is scored by it. Raises `Unavailable` where nobody knows which it is.
        """
        if not features_for(self._offered[product], self._purpose):
            return None
        registered = self._in_use.decides(product, self._purpose, applicant_id)
        if registered is not None:
            return registered.scorer
        return self._of_folder(product)

    def _of_folder(self, product: str) -> Scorer | None:
        scorer = self._loaded.get(product)
        if scorer is not None or self._folder is None:
            return scorer
        with self._lock:
            if product not in self._loaded and time.monotonic() >= self._look_again.get(product, 0.0):
                self._load(product, bundle_folder(self._folder, product, self._purpose))
            return self._loaded.get(product)

    def _load(self, product: str, folder: Path) -> None:
        try:
            self._loaded[product] = load_scorer(folder, self._offered[product])
        except NotReady as error:
            self._look_again[product] = time.monotonic() + LOOK_AGAIN_S
            log.error(  # noqa: TRY400  # foreseen: the sentence says it all
                "model_unusable", product=product, purpose=self._purpose.value, error=str(error)
            )
