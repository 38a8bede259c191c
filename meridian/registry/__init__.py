"""The registry: models as folders of plain files, each held to the hash that its manifest states."""

from meridian.registry.alias import Alias, Change, Place, former, is_challenged
from meridian.registry.archive import ModelArchive
from meridian.registry.bundle import (
    bundle_folder,
    find_bundle,
    load_manifest,
    load_scorer,
    read_files,
    save_bundle,
    scorer_of,
    usable_scorer,
)
from meridian.registry.in_use import ModelsInUse, Register
from meridian.registry.manifest import Lineage, Manifest, Purpose, features_for, purposes_of
from meridian.registry.shelf import ModelShelf

__all__ = [
    "Alias",
    "Change",
    "Lineage",
    "Manifest",
    "ModelArchive",
    "ModelShelf",
    "ModelsInUse",
    "Place",
    "Purpose",
    "Register",
    "bundle_folder",
    "features_for",
    "find_bundle",
    "former",
    "is_challenged",
    "load_manifest",
    "load_scorer",
    "purposes_of",
    "read_files",
    "save_bundle",
    "scorer_of",
    "usable_scorer",
]
