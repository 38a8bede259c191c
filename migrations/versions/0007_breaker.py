"""Where the breakers of all processes stand, so that one of them probes a source that failed, and not each."""

from __future__ import annotations

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

BREAKER = """
CREATE TABLE online.breaker (
    name text PRIMARY KEY,
    state text NOT NULL CHECK (state IN ('closed', 'open')),
    generation bigint NOT NULL CHECK (generation >= 0),
    rest_until timestamptz,
    probe_until timestamptz,
    probe_by text,
    changed_at timestamptz NOT NULL,
    CHECK ((state = 'open') = (rest_until IS NOT NULL)),
    CHECK ((probe_until IS NULL) = (probe_by IS NULL)),
    CHECK (probe_until IS NULL OR state = 'open')
);
COMMENT ON TABLE online.breaker IS
    'One row for each way to ask a source; an open one is half-open while its probe is somebody''s.';
"""


def upgrade() -> None:
    """Make the table; every process that looks things up keeps it."""
    op.execute(BREAKER)
    op.execute("ALTER TABLE online.breaker OWNER TO meridian_owner")
    op.execute("GRANT SELECT, INSERT, UPDATE ON online.breaker TO meridian_app, meridian_worker")


def downgrade() -> None:
    """Take it away; each process goes on by itself."""
    op.execute("DROP TABLE online.breaker")
