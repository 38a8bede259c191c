"""Feast's point-in-time join, by whichever Python has Feast: a script that imports nothing of Meridian.

    python feast_join.py PATTERN_OF_EVENTS PAIRS ANSWER known|happened MEMORY

`happened` asks as Feast does unless told otherwise; `known` also asks that a row was created by the cut-off.
"""

import json
import os
import resource
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path

os.environ["FEAST_USAGE"] = "False"

import ibis
import numpy as np
import pandas as pd
from feast import Entity, FeatureStore, FeatureView, Field, FileSource, RepoConfig
from feast.types import Int64, String


def store(folder: str, events: str) -> FeatureStore:
    """A store of one feature view, in its own folder."""
    online, offline = {"type": "sqlite", "path": f"{folder}/online.db"}, {"type": "duckdb"}
    config = RepoConfig(
        project="bench",
        provider="local",
        registry=f"{folder}/registry.db",
        online_store=online,
        offline_store=offline,
        entity_key_serialization_version=3,
    )
    made = FeatureStore(config=config)
    applicant = Entity(name="applicant", join_keys=["applicant_id"])
    source = FileSource(path=events, timestamp_field="event_at", created_timestamp_column="known_at")
    view = FeatureView(
        name="ledger",
        entities=[applicant],
        ttl=timedelta(0),
        schema=[Field(name="applicant_id", dtype=String), Field(name="number", dtype=Int64)],
        source=source,
        online=False,
    )
    made.apply([applicant, view])
    return made


def peak_mb() -> float:
    """The most memory this process ever held."""
    status = Path("/proc/self/status")
    if status.exists():
        return int(status.read_text().split("VmHWM:")[1].split()[0]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def cpu_s() -> float:
    """What this process has used of the cores."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main(events: str, pairs_file: str, answer: str, which: str, memory: str) -> None:
    """Join, measure, and write the answer in the pairs' order."""
    pairs = pd.read_parquet(pairs_file).rename(columns={"cut_off": "event_timestamp"})
    pairs["event_timestamp"] = pairs["event_timestamp"].dt.tz_localize("UTC")
    ibis.get_backend().raw_sql(f"SET memory_limit='{memory}'")
    with tempfile.TemporaryDirectory() as folder:
        ready = store(folder, events)
        used, start = cpu_s(), time.perf_counter()
        job = ready.get_historical_features(
            pairs, features=["ledger:number"], **({"filter_by_created_timestamp": True} if which == "known" else {})
        )
        found = job.to_df()
        values = np.full(len(pairs), np.nan)
        values[found["pair"].to_numpy()] = found["number"].to_numpy(dtype=np.float64, na_value=np.nan)
        figures = {"seconds": time.perf_counter() - start, "cpu_s": cpu_s() - used, "peak_mb": peak_mb()}
    np.save(answer, values)
    sys.stdout.write(json.dumps(figures) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
