"""What a user installs: one importable name, with everything in it that runs."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from importlib import import_module
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[2]
PACKAGES = {"meridian": "meridian"} | {name: f"meridian/{name}" for name in ("workers", "migrations", "docker")}
# The build reads the sources and writes beside them, so it gets a copy.
SOURCES = ["pyproject.toml", "setup.py", "README.md", "LICENSE", *PACKAGES]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    source = tmp_path_factory.mktemp("source")
    for name in SOURCES:
        if (TOP / name).is_dir():
            shutil.copytree(TOP / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(TOP / name, source / name)
    out = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-index", "--no-deps", "--no-build-isolation"]
    subprocess.run([*build, "-w", out, source], check=True)
    (built,) = out.iterdir()
    return built


def test_every_file_of_every_package_travels(wheel):
    inside = set(zipfile.ZipFile(wheel).namelist())
    for folder, package in PACKAGES.items():
        for path in (TOP / folder).rglob("*"):
            relative = path.relative_to(TOP / folder)
            if path.is_file() and not any(part == "__pycache__" or part[0] == "." for part in relative.parts):
                assert f"{package}/{relative.as_posix()}" in inside


def test_one_name_is_installed_and_no_caches(wheel):
    inside = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in inside}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"meridian"}
    assert not [name for name in inside if name.endswith(".pyc")]
    assert any(name.endswith("licenses/LICENSE") for name in inside)


def test_the_wheel_is_importable_by_itself(wheel, tmp_path):
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    script = (
        "import meridian, meridian.workers, meridian.migrations, meridian.docker\n"
        "from importlib.resources import files\n"
        "assert files('meridian.migrations').joinpath('script.py.mako').is_file()\n"
        "print(meridian.workers.__file__)\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", script], env={"PYTHONPATH": str(tmp_path)}, cwd="/", capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith(str(tmp_path))


@pytest.mark.parametrize("name", ["workers", "migrations", "docker"])
def test_the_folders_at_the_top_are_the_installed_packages(name):
    assert Path(import_module(f"meridian.{name}").__file__).parent == TOP / name


def test_both_locks_hold_the_same_versions_and_name_no_place():
    def lines(name):
        return [line.split(" \\")[0].split(" ;")[0] for line in (TOP / name).read_text().splitlines() if "==" in line]

    assert set(lines("requirements-run.lock")) <= set(lines("requirements.lock"))
    for name in ("requirements.lock", "requirements-run.lock"):
        text = (TOP / name).read_text()
        assert text.count("--hash=sha256:") >= len(lines(name))
        for forbidden in ("http:", "https:", "file:", "--index", "--extra-index", "--find-links", " @ "):
            assert forbidden not in text
