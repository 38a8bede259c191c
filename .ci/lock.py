"""Write the lock files from pyproject.toml: all that the tests need, what running needs, what the benchmark adds.

Universal (Linux and macOS, Python 3.11 and newer) and with hashes; uv is told nothing of where
packages come from, so no registry's name ends up in them. `--upgrade` takes the newest versions
that pyproject.toml allows; without it what is locked stays where it can.
"""

import subprocess
import sys
import sysconfig
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent
UV = Path(sysconfig.get_path("scripts")) / "uv"
COMMON = [
    "--universal",
    "--python-version=3.11",
    "--generate-hashes",
    "--no-header",
    "--no-annotate",
    "--no-emit-index-url",
    "--no-emit-find-links",
    "--quiet",
]
PACKAGE = ["pyproject.toml", "--group=pyproject.toml:build"]


def compile_lock(name: str, *options: str) -> None:
    """One `uv pip compile` into the file `name`, of what the options name."""
    subprocess.run(
        [UV, "pip", "compile", *COMMON, *options, f"--output-file={name}"],
        cwd=HERE,
        check=True,
    )


if __name__ == "__main__":
    compile_lock("requirements.lock", *PACKAGE, "--all-extras", *sys.argv[1:])
    # The same versions, because the first lock is a constraint of the second.
    running = [f"--extra={extra}" for extra in ("local", "redis", "train")]
    (HERE / "requirements-run.lock").unlink(missing_ok=True)
    compile_lock("requirements-run.lock", *PACKAGE, *running, "--constraint=requirements.lock")
    # Installed on top of the first, so it must not ask for other versions of what is in both.
    compile_lock(
        "requirements-bench.lock", "--group=pyproject.toml:bench", "--constraint=requirements.lock", *sys.argv[1:]
    )
