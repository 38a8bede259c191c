"""The stages of decisions, checked: apart from the change of the check, which would lock everybody out meanwhile."""

from __future__ import annotations

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Hold every row against the check; partitions to come are made with it as those that are there have it."""
    op.execute("ALTER TABLE record.version VALIDATE CONSTRAINT version_stage_check")


def downgrade() -> None:
    """Nothing was changed but that it is known to hold."""
