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
CREATE INDEX fetch_ended ON work.fetch (done_at) WHERE done_at IS NOT NULL;
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
    in_vectors_at timestamptz,
    in_history_at timestamptz
);
CREATE INDEX reply_new ON work.reply (received_at) WHERE in_vectors_at IS NULL;
COMMENT ON TABLE work.reply IS 'Providers'' replies, checked, until their events are in the event history.';
COMMENT ON COLUMN work.reply.in_history_at IS 'When its events were added to it; infinity: it was set aside.';
COMMENT ON COLUMN work.reply.document IS 'The events by stream, JSON compressed by zlib.';
"""

SOURCES = """
CREATE OR REPLACE VIEW audit.evidence_sources AS
SELECT e.id AS evidence_id, a.ref AS application_ref, e.rung, s.source ->> 'name' AS source,
       s.source ->> 'status' AS status, (s.source ->> 'as_of')::timestamptz AS as_of,
       (s.source ->> 'known_at')::timestamptz AS known_at, (s.source ->> 'age_s')::double precision AS age_s,
       s.source ->> 'detail' AS detail, e.captured_at{more}
FROM record.evidence e
JOIN record.application a ON a.id = e.application_id
CROSS JOIN LATERAL jsonb_array_elements(e.document::jsonb -> 'sources') AS s (source);
COMMENT ON VIEW audit.evidence_sources IS 'What each source gave, as of when, and how old it was.';
COMMENT ON COLUMN audit.evidence_sources.status IS 'fresh, stale, nothing, missing or failed.';
"""
SOURCES_MORE = ", s.source ->> 'provider' AS provider"
PROVIDER = """
COMMENT ON COLUMN audit.evidence_sources.provider IS
    'Who was asked while the decision waited, and answered; null where what was held was taken.';
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
    op.execute(SOURCES.replace("{more}", SOURCES_MORE))
    op.execute(PROVIDER)


def downgrade() -> None:
    """Take them away, with the replies that are in no history yet."""
    op.execute("DROP VIEW audit.evidence_sources")
    op.execute(SOURCES.replace("{more}", ""))
    op.execute("ALTER VIEW audit.evidence_sources OWNER TO meridian_owner")
    op.execute("GRANT SELECT ON audit.evidence_sources TO meridian_audit, meridian_app")
    for table in TABLES:
        op.execute(f"DROP TABLE {table}")
