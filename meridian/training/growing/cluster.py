"""Training on a Dask cluster: trees are grown, and margins computed, by its workers with `xgboost.dask`.

For loans whose training outgrows one machine. What stays in the memory of the machine that asks: the frame itself, one
float32 for each loan and feature, and its outcomes; whatever goes to the workers is copied out of it `CHUNK` loans at a
time. Each worker holds an equal run of the loans, twice for the moment in which its pieces become one, and XGBoost's
bins of them; a search holds its three splits.

The same loans, recipe, seed and number of workers give the same bytes: run i of the loans always goes to the worker
that XGBoost gives rank i, stays there, and is grown on by one thread. With another number of workers sums are added up
in another order, and rows are drawn otherwise: the trees are a little different ones, and just as good.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass
from time import monotonic, sleep
from typing import Any, TypeVar

import numpy as np

from meridian.errors import NotReady
from meridian.extra import need
from meridian.features import FeatureSet
from meridian.training.growing.engine import Floats, Inputs, Part
from meridian.training.growing.grow import PATIENCE
from meridian.training.growing.recipes import Recipe

T = TypeVar("T")
CHUNK = 100_000
"""Loans that are sent at once."""
LOOK_SECONDS = 0.5
"""How often it is looked whether all workers are still there."""
ANSWER_SECONDS = 15.0
"""A scheduler that does not answer for so long is gone."""
PAUSED_SECONDS = 60.0
"""A worker without memory left takes up no work: longer than this, and it is taken for lost."""


@dataclass(frozen=True)
class Placed:
    """Loans on the workers. `parts` are what XGBoost takes, by the worker's address; `inputs` and `target` are Dask's
    arrays of the same.
    """

    inputs: Any
    target: Any
    weight: Any
    parts: Mapping[str, Any]


@dataclass(frozen=True)
class Dask:
    """An engine on the workers of a Dask cluster, with these that were there when it was begun.

    Each method raises `NotReady` where one of them is lost meanwhile, or the scheduler: nothing is begun anew on those
    that are left, which would be another model.
    """

    client: Any
    workers: tuple[str, ...]
    """Addresses, in the order of XGBoost's ranks."""

    @classmethod
    def of(cls, client: Any) -> Dask:
        """On all workers that a client's scheduler has now."""
        known = _workers(client)
        # As `xgboost.dask` names its tasks, by whose names it gives ranks.
        return cls(
            client, tuple(sorted(known, key=lambda address: f"[xgboost.dask-{known[address]['name']}]:{address}"))
        )

    @property
    def at_once(self) -> int:
        """One: each growing takes all workers."""
        return 1

    @property
    def told(self) -> Mapping[str, Any]:
        """The engine and how many workers, which the same bytes need again."""
        return {"engine": "dask", "workers": len(self.workers)}

    def place(self, loans: Part) -> Placed:
        """Send loans to the workers, an equal run of them to each."""
        return self._watched(lambda: self._place(*loans, None))

    def grow(
        self, features: FeatureSet, recipe: Recipe, names: Sequence[str], loans: Part, seed: int, weight: Floats | None
    ) -> Any:
        """See `Engine`."""

        def grown() -> Any:
            data = self._matrix(self._place(*loans, weight), names)
            return self._train(recipe.parameters(features, names, seed), data, recipe.rounds)

        return self._watched(grown)

    def rounds_that_help(
        self, features: FeatureSet, recipe: Recipe, names: Sequence[str], learns: Placed, watched: Placed, seed: int
    ) -> tuple[int, float]:
        """See `Engine`."""

        def grown() -> Any:
            data = self._matrix(learns, names)
            return self._train(
                recipe.parameters(features, names, seed) | {"eval_metric": "logloss"},
                data,
                recipe.rounds,
                evals=[(self._matrix(watched, names, data), "watched")],
                early_stopping_rounds=PATIENCE,
            )

        booster = self._watched(grown)
        return int(booster.best_iteration) + 1, float(booster.best_score)

    def margins_of(self, booster: Any, inputs: Inputs) -> Floats:
        """See `Engine`. No more than one piece for each worker is on its way at a time."""
        predict = need("xgboost.dask").predict

        def margins() -> Floats:
            parts = []
            for start in range(0, len(inputs), CHUNK * len(self.workers)):
                rows = inputs[start : start + CHUNK * len(self.workers)]
                placed = self._place(rows, None, None).inputs
                # The pieces are bare arrays, in the order of the booster's own names.
                found = predict(self.client, booster, placed, output_margin=True, validate_features=False)
                parts.append(found.compute(scheduler=self.client))
            return np.concatenate(parts).astype(np.float64)

        return self._watched(margins)

    def _place(self, inputs: Inputs, target: Floats | None, weight: Floats | None) -> Placed:
        workers = self.workers[: len(inputs)]
        edges = np.linspace(0, len(inputs), len(workers) + 1).astype(int).tolist()
        runs = list(zip(workers, edges[:-1], edges[1:], strict=True))

        def sent(values: Inputs | Floats | None) -> list[Any] | None:
            return None if values is None else [self._send(values, *run) for run in runs]

        columns = {"data": sent(inputs), "label": sent(target), "weight": sent(weight)}
        given = {name: pieces for name, pieces in columns.items() if pieces is not None}
        # Where a piece lies decides whose trees it shapes: each is bound to its worker, the scheduler has no say.
        parts = {
            worker: self.client.submit(
                dict, **{name: pieces[i] for name, pieces in given.items()}, workers=[worker], pure=False
            )
            for i, worker in enumerate(workers)
        }
        sizes = [stop - start for _, start, stop in runs]
        arrays = {name: _array(pieces, sizes, inputs if name == "data" else target) for name, pieces in given.items()}
        return Placed(arrays["data"], arrays.get("label"), arrays.get("weight"), parts)

    def _send(self, values: Inputs | Floats, worker: str, start: int, stop: int) -> Any:
        """A run of rows as one array on a worker, as a future."""
        pieces = [
            self.client.scatter(
                np.asarray(values[begin : min(begin + CHUNK, stop)]), workers=[worker], direct=True, hash=False
            )
            for begin in range(start, stop, CHUNK)
        ]
        if len(pieces) == 1:
            return pieces[0]
        return self.client.submit(np.concatenate, pieces, workers=[worker], pure=False)

    def _matrix(self, placed: Placed, names: Sequence[str], bins_of: Any = None) -> Any:
        """XGBoost's bins of loans, made where they lie."""
        matrix = need("xgboost.dask").DaskQuantileDMatrix(
            self.client,
            placed.inputs,
            placed.target,
            weight=placed.weight,
            feature_names=list(names),
            ref=bins_of,
        )
        matrix.worker_map = {worker: [part] for worker, part in placed.parts.items()}
        return matrix

    def _train(self, parameters: Mapping[str, Any], data: Any, rounds: int, **more: Any) -> Any:
        xgboost = need("xgboost.dask")
        with need("xgboost").config_context(verbosity=0):
            return xgboost.train(self.client, dict(parameters), data, rounds, verbose_eval=False, **more)["booster"]

    def _watched(self, what: Callable[[], T]) -> T:
        """What the workers make, or `NotReady` as soon as one is lost: neither XGBoost nor Dask ends by itself then.

        It is waited for in a thread of its own, which a lost cluster may keep waiting until the client is closed.
        """
        outcome: Future[T] = Future()

        def attempt() -> None:
            try:
                # `xgboost.dask` waits by whichever client is current, not by the one that it is given.
                with self.client.as_current():
                    outcome.set_result(what())
            except BaseException as error:  # whatever it is, it is raised where it is waited for
                outcome.set_exception(error)

        threading.Thread(target=attempt, daemon=True).start()
        running = dict.fromkeys(self.workers, monotonic())
        while not wait([outcome], timeout=LOOK_SECONDS).done:
            self._look(running)
        error = outcome.exception()
        if isinstance(error, Exception):
            # That a worker was lost says more than what its neighbours say of it, and may be known a moment later.
            sleep(LOOK_SECONDS)
            self._look(running)
            raise NotReady(f"The cluster could not train: {type(error).__name__}: {error}") from error
        return outcome.result()

    def _look(self, running: dict[str, float]) -> None:
        """Note when each worker was last running. Raises `NotReady` where one is lost."""
        now, known = monotonic(), _workers(self.client)
        for worker in self.workers:
            if known.get(worker, {}).get("status") == "running":
                running[worker] = now
            elif worker not in known or now - running[worker] > PAUSED_SECONDS:
                raise NotReady(
                    f"The worker {worker} was lost while it trained: killed, without memory, or cut off. Nothing was "
                    "put in place; see why, and train again."
                )


def _array(pieces: Sequence[Any], sizes: Sequence[int], like: Any) -> Any:
    """Dask's array of pieces that lie on workers."""
    delayed, array = need("dask").delayed, need("dask.array")
    like = np.asarray(like[:0])
    return array.concatenate(
        [
            array.from_delayed(delayed(piece), shape=(size, *like.shape[1:]), dtype=like.dtype)
            for piece, size in zip(pieces, sizes, strict=True)
        ]
    )


def _workers(client: Any) -> Mapping[str, Any]:
    """What the scheduler says of its workers, by address. Raises `NotReady` where it does not answer."""
    try:
        return dict(client.sync(client.scheduler.identity, callback_timeout=ANSWER_SECONDS)["workers"])
    except (OSError, TimeoutError) as error:
        raise NotReady(f"The scheduler {client.scheduler.address} no longer answers: {error}.") from None
