"""The registry: models as folders of plain files, each held to the hash that its manifest states."""

from meridian.registry.bundle import bundle_folder, load_manifest, load_scorer, save_bundle
from meridian.registry.manifest import Lineage, Manifest, Purpose
from meridian.registry.shelf import ModelShelf

__all__ = [
    "Lineage",
    "Manifest",
    "ModelShelf",
    "Purpose",
    "bundle_folder",
    "load_manifest",
    "load_scorer",
    "save_bundle",
]
