"""Training on a Dask cluster, on two real worker processes: as good as here, the same again, and never hanging."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sysconfig
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import distributed
import numpy as np
import psutil
import pytest
from typer import Typer
from typer.testing import CliRunner

from meridian.errors import InvalidInput, NotReady
from meridian.products import Product
from meridian.registry import Purpose
from meridian.training.calibrate import Method
from meridian.training.demo import demo_frame
from meridian.training.fit import Fitted, Options, fit, split_for_calibration
from meridian.training.frame import Frame
from meridian.training.growing import cluster, joining
from meridian.training.growing.cluster import Dask
from meridian.training.growing.engine import LOCAL, Rows
from meridian.training.growing.joining import engine_of, running_cluster, worker_processes
from meridian.training.growing.recipes import COMPACT, RECIPES
from meridian.training.growing.search import folds, search
from meridian.training.measure import measure
from meridian.training.rejects import Inference, Rejects
from tests.services import free_port

ENDLESS = replace(COMPACT, rounds=1_000_000)
MERIDIAN = Path(sysconfig.get_path("scripts")) / "meridian"


@pytest.fixture(scope="module")
def frame(personal_loan: Product) -> Frame:
    return demo_frame(personal_loan, 6000, 2)[0]


@pytest.fixture(scope="module")
def two() -> Iterator[Dask]:
    with worker_processes(2) as engine:
        yield engine


@pytest.fixture(scope="module")
def here(personal_loan: Product, frame: Frame) -> Fitted:
    return fit(personal_loan, frame, Purpose.COMPACT)


@pytest.fixture(scope="module")
def on_two(personal_loan: Product, frame: Frame, two: Dask) -> Fitted:
    return fit(personal_loan, frame, Purpose.COMPACT, Options(engine=two))


def children() -> set[int]:
    """This process's own, without the one that Python keeps to tidy up after all."""
    found = psutil.Process().children(recursive=True)
    return {child.pid for child in found if "resource_tracker" not in " ".join(child.cmdline())}


def gone(pids: set[int]) -> bool:
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline and any(map(psutil.pid_exists, pids)):
        time.sleep(0.1)
    return not any(map(psutil.pid_exists, pids))


def test_two_workers_grow_as_good_a_model_of_the_same_recipe(frame: Frame, here: Fitted, on_two: Fitted) -> None:
    """That it scores as XGBoost does was proved when it was fitted."""
    tests = ~frame.trains
    aucs = [measure(frame.target[tests], fitted.pds[tests])["auc"] for fitted in (here, on_two)]
    assert abs(aucs[0] - aucs[1]) < 0.01
    assert min(aucs) > 0.75
    assert on_two.found.recipe == replace(here.found.recipe, rounds=on_two.found.recipe.rounds)
    assert {**here.training, "engine": "dask", "workers": 2} == {**on_two.training, "recipe": here.training["recipe"]}
    assert on_two.files["model.json"] != here.files["model.json"]


def test_no_feature_works_against_its_direction(personal_loan: Product, frame: Frame, on_two: Fitted) -> None:
    inputs, scorer = frame.inputs(on_two.features), on_two.scorer
    held = 0
    for i, name in enumerate(on_two.features):
        if direction := int(personal_loan.features[name].direction):
            steps = np.unique(np.nanquantile(inputs[:, i], np.linspace(0, 1, 25)))
            moved = np.repeat(inputs[:60], len(steps), axis=0)
            moved[:, i] = np.tile(steps, 60)
            differences = np.diff(scorer.pds(moved).reshape(60, len(steps)), axis=1) * direction
            assert (differences >= -1e-9).all(), name
            held += bool((differences > 1e-6).any())
    assert held > 5


def test_margins_come_back_in_the_order_of_the_loans(two: Dask, personal_loan: Product, frame: Frame) -> None:
    names = personal_loan.compact_features
    rows = Rows.of(frame.matrix, [frame.names.index(name) for name in names])[frame.trains]
    booster = LOCAL.grow(personal_loan.features, COMPACT, names, (rows, frame.target[frame.trains]), 1, None)
    np.testing.assert_array_equal(two.margins_of(booster, rows), LOCAL.margins_of(booster, rows))
    np.testing.assert_array_equal(two.margins_of(booster, rows[:1]), LOCAL.margins_of(booster, rows[:1]))


@pytest.mark.parametrize(
    "options",
    [
        Options(),
        Options(seed=3, calibration=Method.ISOTONIC, search=3),
        Options(rejects=Rejects(Inference.FUZZY, lambda names: np.empty(0, np.float32), 2.0)),
    ],
    ids=["usual", "search", "weights"],
)
def test_one_worker_grows_the_very_trees_that_are_grown_here(
    one: Dask, personal_loan: Product, frame: Frame, options: Options
) -> None:
    """So that all that is chosen reaches the workers: constraints, seed, early stopping, search, weights."""
    if options.rejects:
        options = replace(options, rejects=replace(options.rejects, inputs=lambda names: frame.inputs(names)[:900]))
    mine, theirs = (
        fit(personal_loan, frame, Purpose.COMPACT, replace(options, engine=engine)) for engine in (LOCAL, one)
    )
    assert mine.files == theirs.files
    assert mine.found == theirs.found
    assert mine.calibration == theirs.calibration
    np.testing.assert_array_equal(mine.pds, theirs.pds)


@pytest.fixture(scope="module")
def one() -> Iterator[Dask]:
    with worker_processes(1) as engine:
        yield engine


def test_the_same_loans_give_the_same_bytes_however_they_are_sent(
    two: Dask, personal_loan: Product, frame: Frame, on_two: Fitted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "CHUNK", 700)
    assert fit(personal_loan, frame, Purpose.COMPACT, Options(engine=two)).files == on_two.files
    other = fit(personal_loan, frame, Purpose.COMPACT, Options(seed=5, engine=two))
    assert other.files["model.json"] != on_two.files["model.json"]


def test_the_same_bytes_come_from_a_worker_that_others_keep_busy(
    two: Dask, personal_loan: Product, frame: Frame
) -> None:
    """Its loans are not moved to an idle one, as a scheduler would: whose they are shapes the trees."""
    names = personal_loan.compact_features
    loans, models = (frame.inputs(names), frame.target), set()
    for others in (0, 8, 8, 8):
        busy = [two.client.submit(time.sleep, 0.3, workers=[two.workers[0]], pure=False) for _ in range(others)]
        models.add(bytes(two.grow(personal_loan.features, COMPACT, names, loans, 1, None).save_raw("json")))
        distributed.wait(busy)
    assert len(models) == 1


def test_the_same_bytes_come_from_another_cluster_of_as_many_workers(
    personal_loan: Product, frame: Frame, on_two: Fitted
) -> None:
    """Though its workers have other names, and more threads; and it goes on when training ends."""
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=3, host="127.0.0.1", dashboard_address="127.0.0.1:0", memory_limit=None
        ) as running,
        distributed.Client(running, set_as_default=False) as client,
    ):
        with running_cluster(running.scheduler_address) as engine:
            again = fit(personal_loan, frame, Purpose.COMPACT, Options(engine=engine))
        assert client.submit(sum, [1, 2]).result(timeout=5) == 3
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("xgboost.__version__", "9.9.9")
            with (
                pytest.raises(NotReady, match=r"has XGBoost \d.*here it is 9\.9\.9"),
                running_cluster(running.scheduler_address),
            ):
                pass
    assert again.files == on_two.files
    np.testing.assert_array_equal(again.pds, on_two.pds)


def test_no_more_trees_are_grown_than_help(two: Dask, personal_loan: Product, frame: Frame) -> None:
    """Where the outcome is chance, hardly any does."""
    names = personal_loan.compact_features
    earlier, _, _ = split_for_calibration(frame)
    inputs, period = frame.inputs(names)[earlier], frame.period[earlier]
    chance = np.random.default_rng(1).permutation(frame.target[earlier])
    found, told = (
        search(personal_loan.features, COMPACT, names, folds(inputs, target, period)[-1:], 1, 1, engine=two)
        for target in (chance, frame.target[earlier])
    )
    assert found.recipe.rounds < 20 < told.recipe.rounds
    assert told.log_loss < found.log_loss


def test_loans_without_weight_have_no_say(two: Dask, personal_loan: Product, frame: Frame) -> None:
    """Every other loan is told to have defaulted: with no weight it is as if they were not there."""
    names, told = personal_loan.compact_features, np.arange(len(frame.target)) % 2 == 1
    loans = frame.inputs(names), np.where(told, 1.0, frame.target)

    def mean_pd(weight: np.ndarray | None) -> float:
        booster = two.grow(personal_loan.features, COMPACT, names, loans, 1, weight)
        return float((1 / (1 + np.exp(-two.margins_of(booster, loans[0])))).mean())

    assert mean_pd(np.where(told, 0.0, 1.0)) == pytest.approx(frame.target[~told].mean(), abs=0.02)
    assert mean_pd(None) > 0.5


def test_worker_processes_listen_to_nobody_else(two: Dask) -> None:
    """On the loopback, to who has the certificate, and without pages about the cluster."""
    listening = {
        (connection.laddr.ip, connection.laddr.port)
        for process in map(psutil.Process, two.client.run(os.getpid).values())
        for connection in process.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN
    }
    assert len(listening) >= 2
    assert {ip for ip, _ in listening} == {"127.0.0.1"}
    # The scheduler is in this process, where others of this run may listen as well.
    listening.add(("127.0.0.1", int(two.client.scheduler.address.rpartition(":")[2])))
    for place in listening:
        with socket.create_connection(place, timeout=2) as caller:
            caller.settimeout(0.2)
            caller.sendall(b"GET / HTTP/1.0\r\n\r\n")
            with suppress(TimeoutError, ConnectionResetError):
                assert not caller.recv(100).startswith(b"HTTP/")
    scheduler = two.client.scheduler.address
    assert scheduler.startswith("tls://127.0.0.1:")
    with pytest.raises(OSError, match=r"in <TCP|imed out"):
        distributed.Client(scheduler.replace("tls:", "tcp:"), timeout=1, set_as_default=False)


def test_a_killed_worker_ends_training_with_its_name(personal_loan: Product, frame: Frame) -> None:
    """And then no process of the cluster is left."""
    names, before = personal_loan.compact_features, children()
    with worker_processes(2) as engine:
        pids = engine.client.run(os.getpid)
        started = children() - before
        assert set(pids.values()) <= started
        threading.Timer(1.0, os.kill, (pids[engine.workers[1]], signal.SIGKILL)).start()
        since = time.monotonic()
        with pytest.raises(NotReady, match=f"{engine.workers[1]} was lost"):
            engine.grow(personal_loan.features, ENDLESS, names, (frame.inputs(names), frame.target), 1, None)
        assert 1.0 < time.monotonic() - since < 10
    assert gone(started)


def test_a_worker_that_takes_up_no_work_is_not_waited_for(
    two: Dask, personal_loan: Product, frame: Frame, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Paused, as one without memory left is; one that says nothing at all the scheduler takes off."""
    assert two.client.run_on_scheduler(lambda dask_scheduler: dask_scheduler.worker_ttl) == 60
    monkeypatch.setattr(cluster, "PAUSED_SECONDS", 1.0)
    names = personal_loan.compact_features

    def turn(status: str) -> None:
        def turned(dask_worker: Any) -> None:
            dask_worker.status = distributed.Status[status]

        two.client.run(turned, workers=[two.workers[0]])

    turn("paused")
    try:
        with pytest.raises(NotReady, match=f"{two.workers[0]} was lost"):
            two.grow(personal_loan.features, COMPACT, names, (frame.inputs(names), frame.target), 1, None)
    finally:
        turn("running")


def test_what_the_workers_cannot_do_is_said_and_they_go_on(two: Dask, personal_loan: Product, frame: Frame) -> None:
    names = personal_loan.compact_features
    inputs = frame.inputs(names)
    endless = np.where(np.isnan(inputs), np.inf, inputs).astype(np.float32)
    with pytest.raises(NotReady, match=r"could not train: .*inf"):
        two.grow(personal_loan.features, COMPACT, names, (endless, frame.target), 1, None)
    few = replace(COMPACT, rounds=2)
    assert two.grow(personal_loan.features, few, names, (inputs, frame.target), 1, None).num_boosted_rounds() == 2


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Any]:
    """Runs `train` for the personal loan, with its models in a folder of the test."""
    from meridian.cli.train import train

    monkeypatch.setenv("MERIDIAN_HOME", str(tmp_path / "home"))
    app = Typer()
    app.command()(train)
    return lambda *arguments: CliRunner().invoke(app, ["personal-loan", *arguments])


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ("--engine spark", "--engine 'spark' is none of local, dask"),
        ("--workers 3", "--workers 3 is for training on a cluster; give --engine dask"),
        ("--engine local --cluster tcp://a:1", "--cluster tcp://a:1 is for training on a cluster; give --engine dask"),
        ("--engine dask --cluster tcp://a:1 --workers 2", "--workers 2 is of this machine.*leave one of the two out"),
        ("--engine dask --cluster 10.0.0.5", "--cluster '10.0.0.5' is no address.*give one like tcp://"),
        ("--engine dask --workers 0", "--workers 0 is not from 1 to 64"),
        ("--engine dask --workers 65", "--workers 65 is not from 1 to 64"),
    ],
)
def test_options_that_do_not_go_together_are_refused(command: Any, arguments: str, told: str) -> None:
    with pytest.raises(InvalidInput, match=told):
        raise command("--demo", *arguments.split()).exception


def test_a_scheduler_that_is_not_there_is_said_within_seconds(command: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert joining.CONNECT_SECONDS <= 5
    monkeypatch.setattr(joining, "CONNECT_SECONDS", 1)
    address, since = f"tcp://127.0.0.1:{free_port()}", time.monotonic()
    with pytest.raises(NotReady, match=f"No Dask scheduler answers at {address}.*dask scheduler"):
        raise command("--demo", "--engine", "dask", "--cluster", address).exception
    assert time.monotonic() - since < 4


def test_a_scheduler_without_workers_is_said_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(joining, "CONNECT_SECONDS", 1)
    with (
        distributed.LocalCluster(
            n_workers=0, host="127.0.0.1", dashboard_address="127.0.0.1:0", protocol="tcp"
        ) as empty,
        pytest.raises(NotReady, match=f"{empty.scheduler_address} has no worker; start some with `dask worker tcp"),
        running_cluster(empty.scheduler_address),
    ):
        pass


def test_a_missing_extra_names_its_installation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("meridian.extra.find_spec", lambda name: None if name == "distributed" else name)
    with (
        pytest.raises(NotReady, match=r"distributed .*pip install 'meridian-credit\[train,cluster\]'"),
        engine_of("dask"),
    ):
        pass


def test_what_serves_does_without_the_cluster() -> None:
    top = Path(__file__).parents[2]
    held = {name: (top / name).read_text() for name in ("requirements.lock", "requirements-run.lock")}
    for library in ("dask", "distributed", "pandas"):
        assert f"\n{library}==" in held["requirements.lock"]
        assert f"\n{library}==" not in held["requirements-run.lock"]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "tmp").mkdir()
    return {**os.environ, "MERIDIAN_HOME": str(tmp_path / "home"), "TMPDIR": str(tmp_path / "tmp")}


def test_the_command_trains_on_a_cluster_and_says_so(
    command: Any,
    loans_file: Callable[..., Path],
    environment: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Nothing but JSON on standard output, nothing from the workers on either, and nothing left in temporary files."""
    monkeypatch.setattr("tempfile.tempdir", environment["TMPDIR"])
    for purpose, recipe in RECIPES.items():
        monkeypatch.setitem(RECIPES, purpose, replace(recipe, rounds=30))
    done = command("--data", str(loans_file()), "--engine", "dask", "--workers", "2", "--json")
    assert done.exit_code == 0, done.output
    for manifest in json.loads(done.stdout):
        assert manifest["training"]["engine"] == "dask"
        assert manifest["training"]["workers"] == 2
        assert manifest["metrics"]["test"]["auc"] > 0.6
        assert (Path(manifest["folder"]) / "card.html").is_file()
    assert capfd.readouterr() == ("", "")
    assert list(Path(environment["TMPDIR"]).iterdir()) == []


def test_who_stops_it_leaves_no_process_behind(environment: dict[str, str], tmp_path: Path) -> None:
    """Ctrl-C, which reaches the workers as well; nothing is put in place."""
    training = subprocess.Popen(
        [MERIDIAN, "train", "personal-loan", "--demo", "--engine", "dask"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    started: set[int] = set()
    deadline = time.monotonic() + 30
    while len(started) < 3 and time.monotonic() < deadline:
        time.sleep(0.1)
        started = {child.pid for child in psutil.Process(training.pid).children(recursive=True)}
    time.sleep(1.5)
    os.killpg(training.pid, signal.SIGINT)
    said, _ = training.communicate(timeout=30)
    assert training.returncode not in (0, None)
    assert said.strip() == ""
    assert len(started) >= 3
    assert gone(started)
    assert not (tmp_path / "home" / "models" / "personal-loan").exists()
    assert list((tmp_path / "tmp").iterdir()) == []
