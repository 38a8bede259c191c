"""The libraries that only training and the feature store need, brought in when they are used and not before."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Any

from meridian.errors import NotReady

NEEDED = ("duckdb", "matplotlib", "pyarrow", "sklearn", "xgboost")
OF_CLUSTER = ("dask", "distributed", "pandas")
"""What the extra `cluster` has, for training on a cluster; all else is in `train`."""


def need(name: str) -> Any:
    """The module of that name. Raises `NotReady` with the command that installs it."""
    library = name.partition(".")[0]
    if find_spec(library) is None:
        extras = "train,cluster" if library in OF_CLUSTER else "train"
        raise NotReady(f"{library} is needed for this and not installed: pip install 'meridian-credit[{extras}]'")
    return import_module(name)


def check_extra() -> None:
    """Raises `NotReady` at once when any library of the extra is missing, not after minutes of work."""
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise NotReady(f"Training needs {', '.join(missing)}, not installed here: pip install 'meridian-credit[train]'")
