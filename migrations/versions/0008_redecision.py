"""A further stage of decisions: made again after an outage."""

from __future__ import annotations

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

STAGES = "'fast', 'batch', 'review', 'correction'"


def upgrade() -> None:
    """Take the stage in; the next migration holds the rows that are there against it, in a transaction of its own."""
    _allow(f"{STAGES}, 'redecision'")


def downgrade() -> None:
    """Refuse it from now on; what was decided again stays in the record."""
    _allow(STAGES)


def _allow(stages: str) -> None:
    # A wider one takes its place in the same transaction, so that no row is ever unchecked.
    op.execute("-- squawk-ignore ban-drop-constraint\nALTER TABLE record.version DROP CONSTRAINT version_stage_check")
    op.execute(f"ALTER TABLE record.version ADD CONSTRAINT version_stage_check CHECK (stage IN ({stages})) NOT VALID")
