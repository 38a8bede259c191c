"""Models in memory: loaded at first use, in the process that uses them."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from pathlib import Path

import structlog

from meridian.errors import NotReady
from meridian.products import Product
from meridian.registry.bundle import bundle_folder, load_scorer
from meridian.registry.manifest import Purpose, features_for
from meridian.scoring import Scorer

log = structlog.get_logger()

LOOK_AGAIN_S = 5.0


class ModelShelf:
    """Models by product, loaded at first use, and looked at again after a few seconds where there was none."""

    def __init__(self, folder: Path, purpose: Purpose, offered: Mapping[str, Product]):
        self._folder = folder
        self._purpose = purpose
        self._offered = offered
        self._loaded: dict[str, Scorer] = {}
        self._look_again: dict[str, float] = {}
        self._lock = threading.Lock()

    def __call__(self, product: str) -> Scorer | None:
        """The model, or None where it is missing or cannot be trusted: then nobody is scored by it."""
        scorer = self._loaded.get(product)
        if scorer is not None or not features_for(self._offered[product], self._purpose):
            return scorer
        with self._lock:
            if product not in self._loaded and time.monotonic() >= self._look_again.get(product, 0.0):
                self._load(product)
            return self._loaded.get(product)

    def _load(self, product: str) -> None:
        folder = bundle_folder(self._folder, product, self._purpose)
        try:
            self._loaded[product] = load_scorer(folder, self._offered[product])
        except NotReady as error:
            self._look_again[product] = time.monotonic() + LOOK_AGAIN_S
            log.error(  # noqa: TRY400  # foreseen: the sentence says it all
                "model_unusable", product=product, purpose=self._purpose.value, error=str(error)
            )
