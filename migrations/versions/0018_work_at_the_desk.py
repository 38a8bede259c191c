"""What analysts see of work in progress: how far files are, and what was set aside; of what is in them nothing."""

from __future__ import annotations

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

SEEN = {
    "work.job": "id, application_id, state, attempts, lease_until, error, created_at, done_at",
    "work.batch": "id, product, caller, name, created_at, arrived_at, refused",
    "work.batch_part": (
        "batch_id, number, first_row, rows, state, attempts, lease_until, error, created_at, done_at, decided, rejected"
    ),
}


def upgrade() -> None:
    """Grant columns."""
    for table, columns in SEEN.items():
        op.execute(f"GRANT SELECT ({columns}) ON {table} TO meridian_analyst")


def downgrade() -> None:
    """Take them back."""
    for table, columns in SEEN.items():
        op.execute(f"REVOKE SELECT ({columns}) ON {table} FROM meridian_analyst")
