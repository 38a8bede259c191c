"""The one thing that pyproject.toml cannot say: packages that stand at the repository's top level."""

from setuptools import find_namespace_packages, find_packages, setup

# Folder at the top -> package it is installed as. An installed module called `workers` or `docker`
# would stand in the way of other people's.
AT_THE_TOP = {"workers": "meridian.workers", "migrations": "meridian.migrations", "docker": "meridian.docker"}

packages = find_packages(include=["meridian", "meridian.*"])
for folder, package in AT_THE_TOP.items():
    below = find_namespace_packages(folder, exclude=["__pycache__", "*.__pycache__"])
    packages += [package, *(f"{package}.{name}" for name in below)]

setup(
    packages=packages,
    package_dir={package: folder for folder, package in AT_THE_TOP.items()},
)
