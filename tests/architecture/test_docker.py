"""The docker files, checked without an engine: syntax, secrets, order of start, the server's settings."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
import yaml

TOP = Path(__file__).resolve().parents[2]
DOCKER = TOP / "docker"
SCRIPTS = Path(sysconfig.get_path("scripts"))


@pytest.fixture(scope="module")
def compose():
    return yaml.safe_load((DOCKER / "compose.yaml").read_text())


def test_the_dockerfile_passes_its_linter():
    hadolint = shutil.which("hadolint", path=str(SCRIPTS))
    if hadolint is None:
        pytest.skip("hadolint has no wheel for this machine")
    result = subprocess.run([hadolint, str(DOCKER / "Dockerfile")], capture_output=True, text=True)
    assert result.returncode == 0, result.stdout


def test_the_compose_file_passes_dockers_own_check_where_its_client_is():
    docker = shutil.which("docker")
    if docker is None or subprocess.run([docker, "compose", "version"], capture_output=True).returncode:
        pytest.skip("there is no docker compose here")
    example = (DOCKER / "env.example").read_text().splitlines()
    filled = {line.removesuffix("="): "x" for line in example if line.endswith("=")}
    result = subprocess.run(
        [docker, "compose", "-f", str(DOCKER / "compose.yaml"), "config", "--quiet"],
        env=os.environ | filled,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr


def test_every_service_waits_for_a_service_that_can_say_it_is_ready(compose):
    for name, service in compose["services"].items():
        for other, wish in service.get("depends_on", {}).items():
            if wish["condition"] == "service_healthy":
                assert "test" in compose["services"][other]["healthcheck"], f"{name} waits for {other}"
            else:
                assert wish["condition"] == "service_completed_successfully"
                assert compose["services"][other]["restart"] != "unless-stopped"


def test_nothing_that_decides_starts_before_the_migrations(compose):
    for name in ("api", "worker", "schedule"):
        assert compose["services"][name]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}


def test_every_secret_comes_from_outside_and_has_no_default(compose):
    text = (DOCKER / "compose.yaml").read_text()
    example = (DOCKER / "env.example").read_text()
    secrets = set(re.findall(r"\$\{(\w*(?:PASSWORD|SECRET)\w*)", text))
    assert secrets
    for name in secrets:
        assert not re.search(rf"\$\{{{name}(?!:\?)", text), f"{name} may be left empty"
        assert re.search(rf"^{name}=$", example, re.M), f"{name} has no line in env.example, or has a value there"


def test_only_the_api_is_reached_from_outside_and_only_from_this_machine(compose):
    ports = {name: service["ports"] for name, service in compose["services"].items() if "ports" in service}
    assert list(ports) == ["api"]
    assert all(port.startswith("127.0.0.1:") for port in ports["api"])


def test_the_image_runs_as_nobody_in_particular_and_without_build_tools():
    stages = (DOCKER / "Dockerfile").read_text().split("\nFROM ")
    final = stages[-1]
    assert re.search(r"^USER 10001:10001$", final, re.M)
    assert "HEALTHCHECK" in final
    assert "/healthz" in final
    assert "pip install" not in final
    assert not re.search(r"gcc|build-essential|git", final)


def test_all_that_the_dockerfile_copies_is_let_through():
    ignored = (TOP / ".dockerignore").read_text().splitlines()
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", (DOCKER / "Dockerfile").read_text(), re.M)
    for source in " ".join(copied).split():
        assert f"!{source}" in ignored


def test_the_servers_settings_are_accepted_by_gunicorn():
    check = [sys.executable, "-m", "gunicorn", "--check-config"]
    result = subprocess.run(
        [*check, "-c", "python:meridian.docker.gunicorn_conf", "wsgiref.simple_server:demo_app"],
        env=os.environ | {"DATABASE_URL": "postgresql://unused", "MERIDIAN_PORT": "8123"},
        cwd="/",
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
