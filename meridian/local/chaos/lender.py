"""The lender of the demonstration: models of its past, applicants of today, and vectors of them with holes."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Engine, text

from meridian.db.engine import transaction
from meridian.errors import NotReady
from meridian.features import Source
from meridian.local.installation import Say
from meridian.local.processes import wait_until
from meridian.products import find_product
from meridian.registry import bundle_folder, purposes_of
from meridian.simulator.lender import LenderSettings, requests, simulate
from meridian.wiring import Wiring

PRODUCT = "consumer-loan"
PAST = LenderSettings(applicants=9_000, seed=3)
TOLD_WITHIN_S = 60.0
Progress = Callable[[str, float], None]

STALE = 1 / 3
"""Of the vectors of each source, the share that is too old for the full policy; as large a share is not there."""
OLDER = 4 / 3
"""By how many times as much as a source counts as fresh its stale vectors are older: for the bureau that is 60 days."""


def ensure_models(models: Path, place: Path, say: Say, progress: Progress) -> None:
    """The consumer loan's models in that folder; where any is missing, all are trained on the lender's simulated past.

    The past is kept in `place`.
    """
    product = find_product(PRODUCT)
    if all(bundle_folder(models, PRODUCT, purpose).exists() for purpose in purposes_of(product)):
        return
    # Here alone: to train takes libraries that are slow to import.
    from meridian.training import train_product

    say(f"models for {PRODUCT}, from the past of a simulated lender; they are kept")
    past = place / "past"
    if not past.exists():
        _simulate(PAST, past, progress)
    train_product(product, past, models, progress)


def make_today(place: Path, applicants: int, progress: Progress) -> Path:
    """A lender whose applicants apply today, in place of the one before; its folder.

    Each has applicants of its own, whom no earlier demonstration has decided about.
    """
    today = datetime.now(UTC).date()
    folder = place / "today"
    shutil.rmtree(folder, ignore_errors=True)
    _simulate(LenderSettings(applicants, int(time.time()), today, today), folder, progress)
    return folder


def _simulate(settings: LenderSettings, folder: Path, progress: Progress) -> None:
    """Whole or not at all: one that was broken off is not taken for a lender."""
    fresh = folder.with_name(f"{folder.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    simulate(settings, fresh, progress)
    fresh.rename(folder)


def applications(folder: Path) -> list[bytes]:
    """The lender's applications as request bodies, without references: one applicant may apply again."""
    return [
        json.dumps({name: told for name, told in request.items() if name != "application_ref"}).encode()
        for request in requests(folder)
    ]


PENDING = text("SELECT EXISTS (SELECT FROM work.reply WHERE in_vectors_at IS NULL)")


def materialise(worker: Wiring, progress: Progress) -> None:
    """Everybody's vectors of every source, brought up to now.

    Nobody may be deciding: what providers told before is waited for, since whoever makes vectors of it writes to the
    same rows in another order. Raises `NotReady` where no worker does.
    """

    def told() -> bool:
        with transaction(worker.engine) as connection:
            return not connection.scalar(PENDING)

    if not wait_until(told, seconds=TOLD_WITHIN_S, every_s=0.2):
        raise NotReady(f"Replies wait for {TOLD_WITHIN_S:.0f} s to become vectors; see the worker's log.")
    for source in find_product(PRODUCT).sources:
        if source.streams:
            worker.materialisation.run(source, progress, everybody=True)


# Rows that a worker is writing are passed over, so that neither waits for the other in the wrong order.
AGE = text("""
UPDATE online.vector v
SET cut_off = v.cut_off - CAST(:older AS interval), newest_at = v.newest_at - CAST(:older AS interval)
FROM (SELECT applicant_id, fingerprint FROM online.vector
      WHERE fingerprint = :fingerprint AND cut_off > now() - CAST(:older AS interval) AND random() < :share
      FOR UPDATE SKIP LOCKED) AS chosen
WHERE v.applicant_id = chosen.applicant_id AND v.fingerprint = chosen.fingerprint""")
DROP = text("""
DELETE FROM online.vector v
USING (SELECT applicant_id, fingerprint FROM online.vector
       WHERE fingerprint = :fingerprint AND random() < :share
       FOR UPDATE SKIP LOCKED) AS chosen
WHERE v.applicant_id = chosen.applicant_id AND v.fingerprint = chosen.fingerprint""")


def make_holes(administrator: Engine, sources: Sequence[Source]) -> None:
    """Make a third of the vectors of these sources stale and delete another, so that providers have to be asked.

    What is stale already is made no older.
    """
    with transaction(administrator) as connection:
        for source in sources:
            which = {"fingerprint": bytes.fromhex(source.fingerprint)}
            older: timedelta = source.fresh_for * OLDER
            connection.execute(DROP, {**which, "share": STALE})
            # Of what is left, so that as many are stale as are gone.
            connection.execute(AGE, {**which, "share": STALE / (1 - STALE), "older": older})
