"""The registry: models as folders of plain files, each held to the hash that its manifest states."""

from meridian.registry.alias import Alias, Change, Place, former, is_challenged
from meridian.registry.apart import differences_of
from meridian.registry.archive import ModelArchive
from meridian.registry.bundle import (
    bundle_folder,
    find_bundle,
    load_manifest,
    load_scorer,
    read_files,
    reference_fits,
    save_bundle,
    scorer_of,
    usable_scorer,
)
from meridian.registry.in_use import ModelsInUse, Register
from meridian.registry.manifest import Lineage, Manifest, Purpose, features_for, purposes_of
from meridian.registry.policies import (
    OfferedProducts,
    PolicyChange,
    PolicyRegister,
    effective,
    held,
    read_terms,
    to_come,
    with_terms,
)
from meridian.registry.shelf import ModelShelf

__all__ = [
    "Alias",
    "Change",
    "Lineage",
    "Manifest",
    "ModelArchive",
    "ModelShelf",
    "ModelsInUse",
    "OfferedProducts",
    "Place",
    "PolicyChange",
    "PolicyRegister",
    "Purpose",
    "Register",
    "bundle_folder",
    "differences_of",
    "effective",
    "features_for",
    "find_bundle",
    "former",
    "held",
    "is_challenged",
    "load_manifest",
    "load_scorer",
    "purposes_of",
    "read_files",
    "read_terms",
    "reference_fits",
    "save_bundle",
    "scorer_of",
    "to_come",
    "usable_scorer",
    "with_terms",
]
