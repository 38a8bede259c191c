"""Batches: files of applications, in parts that are decided each in one transaction, once."""

from __future__ import annotations

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

BATCH = """
CREATE TABLE work.batch (
    id uuid PRIMARY KEY,
    product text NOT NULL,
    caller text NOT NULL,
    name text NOT NULL,
    input_sha256 bytea NOT NULL CHECK (length(input_sha256) = 32),
    created_at timestamptz NOT NULL DEFAULT now(),
    arrived_at timestamptz,
    refused text
);
CREATE INDEX batch_input ON work.batch (input_sha256);
COMMENT ON TABLE work.batch IS 'A file of applications that is decided; what there is of it stands in its parts.';
COMMENT ON COLUMN work.batch.caller IS 'Who asked: a key''s public part, or who called the command.';
COMMENT ON COLUMN work.batch.arrived_at IS 'When all of the file had arrived; null until then.';
COMMENT ON COLUMN work.batch.refused IS 'Why the rest of the file could not be read; what had arrived is decided.';

CREATE TABLE work.batch_part (
    batch_id uuid NOT NULL REFERENCES work.batch,
    number bigint NOT NULL CHECK (number > 0),
    first_row bigint NOT NULL,
    rows bigint NOT NULL CHECK (rows > 0),
    state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'done', 'failed')),
    content bytea,
    attempts bigint NOT NULL DEFAULT 0,
    lease_until timestamptz,
    error text,
    created_at timestamptz NOT NULL DEFAULT now(),
    done_at timestamptz,
    decided bigint,
    rejected bigint,
    results bytea,
    rejects bytea,
    PRIMARY KEY (batch_id, number),
    CHECK ((state = 'done') = (done_at IS NOT NULL)),
    CHECK ((state = 'done') = (content IS NULL))
);
CREATE INDEX batch_part_waiting ON work.batch_part (created_at) WHERE state = 'waiting';
ALTER TABLE work.batch_part ALTER COLUMN content SET STORAGE EXTERNAL;
ALTER TABLE work.batch_part ALTER COLUMN results SET STORAGE EXTERNAL;
ALTER TABLE work.batch_part ALTER COLUMN rejects SET STORAGE EXTERNAL;
COMMENT ON TABLE work.batch_part IS 'Some thousand rows of a file: claimed, decided and recorded in one transaction.';
COMMENT ON COLUMN work.batch_part.content IS 'The rows, compressed; gone when they are decided.';
COMMENT ON COLUMN work.batch_part.results IS 'What was decided, a line for each row, compressed.';
COMMENT ON COLUMN work.batch_part.rejects IS 'Which rows were not decided, and why, compressed.';
"""

BATCHES = """
CREATE VIEW audit.batches AS
SELECT b.id AS batch_id, b.product, b.caller, b.name, encode(b.input_sha256, 'hex') AS input_sha256, b.created_at,
       b.arrived_at, b.refused, count(p.number) AS parts, count(p.number) FILTER (WHERE p.state = 'done') AS parts_done,
       count(p.number) FILTER (WHERE p.state = 'failed') AS parts_failed, coalesce(sum(p.rows), 0)::bigint AS rows,
       coalesce(sum(p.decided), 0)::bigint AS decided, coalesce(sum(p.rejected), 0)::bigint AS rejected,
       max(p.done_at) AS done_at
FROM work.batch b LEFT JOIN work.batch_part p ON p.batch_id = b.id
GROUP BY b.id;
COMMENT ON VIEW audit.batches IS 'Files of applications, and how far each is decided.';
COMMENT ON COLUMN audit.batches.batch_id IS 'As it stands in what its decisions say of why they govern.';
COMMENT ON COLUMN audit.batches.caller IS 'Who asked: a key''s public part, or who called the command.';
COMMENT ON COLUMN audit.batches.name IS 'The file''s name.';
COMMENT ON COLUMN audit.batches.input_sha256 IS 'SHA-256 of the file.';
COMMENT ON COLUMN audit.batches.arrived_at IS 'When all of the file had arrived.';
COMMENT ON COLUMN audit.batches.refused IS 'Why the rest of the file could not be read.';
COMMENT ON COLUMN audit.batches.parts IS 'Parts of some thousand rows; each is decided in one transaction.';
COMMENT ON COLUMN audit.batches.parts_done IS 'Parts that are decided.';
COMMENT ON COLUMN audit.batches.parts_failed IS 'Parts that were set aside after five attempts.';
COMMENT ON COLUMN audit.batches.rows IS 'Rows that have arrived.';
COMMENT ON COLUMN audit.batches.decided IS 'Rows that were decided.';
COMMENT ON COLUMN audit.batches.rejected IS 'Rows that were not, each with a reason.';
"""

TABLES = ("work.batch", "work.batch_part")


def upgrade() -> None:
    """Make the tables: who answers callers takes files in, and workers decide them."""
    op.execute(BATCH)
    for table in TABLES:
        op.execute(f"ALTER TABLE {table} OWNER TO meridian_owner")
        op.execute(f"GRANT SELECT, INSERT ON {table} TO meridian_app, meridian_worker")
    op.execute("GRANT UPDATE ON work.batch TO meridian_app, meridian_worker")
    op.execute("GRANT UPDATE ON work.batch_part TO meridian_worker")
    # Decisions of a batch are applications like any other, made by a worker.
    op.execute("GRANT INSERT ON record.application TO meridian_worker")
    op.execute(BATCHES)
    op.execute("ALTER VIEW audit.batches OWNER TO meridian_owner")
    op.execute("GRANT SELECT ON audit.batches TO meridian_audit, meridian_app")


def downgrade() -> None:
    """Take them away; what was decided stays in the record."""
    op.execute("DROP VIEW audit.batches")
    op.execute("REVOKE INSERT ON record.application FROM meridian_worker")
    for table in reversed(TABLES):
        op.execute(f"DROP TABLE {table}")
