"""Tamperings: what whoever rules the database, or the place outside, could do to a sealed record.

Each is a function that does it once, at random, and gives the names under which an audit must find it: the row by
its table and id, the seal by its number. The tamperer is a superuser who knows the source: triggers and foreign keys
are off, and where it says so hashes are made anew to match. It holds no signing key, except where it says so.
"""

from tests.tampering import of_anchors, of_copies, of_rows, of_seals  # noqa: F401  # each enters its kinds
from tests.tampering.tamperer import TAMPERINGS, Tamperer, copy_tables, undone

__all__ = ["TAMPERINGS", "Tamperer", "copy_tables", "undone"]
