"""What providers are asked ahead of decisions, and their replies until they are in the event history."""

from __future__ import annotations

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

FETCH = """
CREATE TABLE work.fetch (
    id uuid PRIMARY KEY,
    source text NOT NULL,
    applicant_id text NOT NULL,
    caller text NOT NULL,
    state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'done', 'failed')),
    due_at timestamptz NOT NULL,
    attempts bigint NOT NULL DEFAULT 0,
    lease_until timestamptz,
    provider text,
    result text,
    error text,
    asked_at timestamptz NOT NULL,
    done_at timestamptz,
    CHECK ((provider IS NULL) = (result IS NULL)),
    CHECK ((state = 'waiting') = (done_at IS NULL))
);
CREATE UNIQUE INDEX fetch_once ON work.fetch (source, applicant_id) WHERE state = 'waiting';
CREATE INDEX fetch_due ON work.fetch (due_at) WHERE state = 'waiting';
COMMENT ON TABLE work.fetch IS 'A source to be asked about an applicant before there is a decision to make.';
COMMENT ON COLUMN work.fetch.result IS 'Where the provider will have its answer, when it has said so.';

CREATE TABLE work.reply (
    id uuid PRIMARY KEY,
    source text NOT NULL,
    provider text NOT NULL,
    applicant_id text NOT NULL,
    as_of timestamptz NOT NULL,
    document bytea NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now(),
    in_vectors_at timestamptz
);
CREATE INDEX reply_new ON work.reply (received_at) WHERE in_vectors_at IS NULL;
COMMENT ON TABLE work.reply IS 'Providers'' replies, checked, until their events are in the event history.';
COMMENT ON COLUMN work.reply.document IS 'The events by stream, JSON compressed by zlib.';
"""

GRANTS = """
GRANT SELECT, INSERT ON work.fetch TO meridian_app;
GRANT INSERT ON work.reply TO meridian_app;
GRANT SELECT, UPDATE, DELETE ON work.fetch TO meridian_worker;
GRANT SELECT, INSERT, UPDATE, DELETE ON work.reply TO meridian_worker;
"""
TABLES = ("work.fetch", "work.reply")


def upgrade() -> None:
    """Make the tables."""
    op.execute(FETCH)
    for table in TABLES:
        op.execute(f"ALTER TABLE {table} OWNER TO meridian_owner")
    op.execute(GRANTS)


def downgrade() -> None:
    """Take them away, with the replies that are in no history yet."""
    for table in TABLES:
        op.execute(f"DROP TABLE {table}")
