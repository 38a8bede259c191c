"""${message}"""

from __future__ import annotations

from alembic import op

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Forward."""
    ${upgrades if upgrades else ""}


def downgrade() -> None:
    """Back, where the data allows it."""
    ${downgrades if downgrades else ""}
