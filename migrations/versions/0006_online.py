"""The online store: ready vectors of each source and applicant, in place of the own history's table of its own.

What the own history's table held is taken over by the next `meridian history load`: it is a copy of the lender's
books, not a record.
"""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

ONLINE = """
CREATE TABLE online.vector (
    applicant_id text NOT NULL,
    fingerprint bytea NOT NULL CHECK (length(fingerprint) = 32),
    cut_off timestamptz NOT NULL,
    newest_at timestamptz CHECK (newest_at <= cut_off),
    fields double precision[] NOT NULL,
    PRIMARY KEY (applicant_id, fingerprint)
) WITH (fillfactor = 80);
CREATE INDEX vector_age ON online.vector (fingerprint, cut_off);

-- That an applicant has no vector is knowledge only as of the moment up to which everybody's events were taken in.
CREATE TABLE online.coverage (
    fingerprint bytea PRIMARY KEY CHECK (length(fingerprint) = 32),
    source text NOT NULL,
    cut_off timestamptz,
    running_cut_off timestamptz,
    running_after timestamptz,
    position text,
    changed_at timestamptz NOT NULL
);
COMMENT ON TABLE online.vector IS 'An applicant''s fields at a cut-off, by the fingerprint of their definition.';
COMMENT ON TABLE online.coverage IS 'Up to when everybody''s events are in the vectors, and a run on its way.';
"""

VIEW = """
CREATE OR REPLACE VIEW audit.evidence_features AS
SELECT e.id AS evidence_id, a.ref AS application_ref, f.name AS feature, s.source ->> 'name' AS source,
       (f.value #>> '{}')::double precision AS value,
       CASE WHEN f.value = 'null'::jsonb THEN 'missing'
            {when_default}
            ELSE s.source ->> 'status' END AS status,
       (s.source ->> 'as_of')::timestamptz AS as_of, (s.source ->> 'known_at')::timestamptz AS known_at,
       (s.source ->> 'age_s')::double precision AS age_s, e.captured_at
FROM record.evidence e
JOIN record.application a ON a.id = e.application_id
-- OFFSET 0: parsed once for each capture, not anew for each feature.
CROSS JOIN LATERAL (SELECT e.document::jsonb AS document OFFSET 0) d
CROSS JOIN LATERAL jsonb_array_elements(d.document -> 'sources') AS s (source)
CROSS JOIN LATERAL jsonb_each(d.document -> 'features' -> (s.source ->> 'name')) AS f (name, value);
COMMENT ON COLUMN audit.evidence_features.status IS '{meaning}';
"""
WITH_DEFAULTS = VIEW.replace(
    "{when_default}", "WHEN d.document -> 'defaults' -> (s.source ->> 'name') ? f.name THEN 'default'"
).replace(
    "{meaning}",
    "fresh or stale as its source; default where the source answered without a value; missing where it was not known.",
)
WITHOUT = VIEW.replace("{when_default}", "").replace(
    "{meaning}", "fresh or stale as its source; missing where it was not known."
)

HISTORY = """
CREATE TABLE online.history (
    applicant_id text PRIMARY KEY,
    loans bigint NOT NULL CHECK (loans >= 0),
    worst_days_late bigint NOT NULL CHECK (worst_days_late >= 0),
    as_of timestamptz NOT NULL,
    known_at timestamptz NOT NULL
);
CREATE TABLE online.history_load (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    as_of timestamptz NOT NULL,
    known_at timestamptz NOT NULL,
    applicants bigint NOT NULL
);
"""


def upgrade() -> None:
    """Make the vectors; who decides reads them, and only workers write them."""
    # No release had these tables, so that no old code can miss them.
    op.execute("-- squawk-ignore ban-drop-table\nDROP TABLE online.history, online.history_load")
    op.execute(ONLINE)
    for table in ("vector", "coverage"):
        op.execute(f"ALTER TABLE online.{table} OWNER TO meridian_owner")
        op.execute(f"GRANT SELECT ON online.{table} TO meridian_app, meridian_worker")
        op.execute(f"GRANT INSERT, UPDATE ON online.{table} TO meridian_worker")
    op.execute("GRANT USAGE ON SCHEMA online TO meridian_worker")
    op.execute(WITH_DEFAULTS)


def downgrade() -> None:
    """Take the vectors away; they are made again from the events."""
    op.execute("REVOKE USAGE ON SCHEMA online FROM meridian_worker")
    op.execute(WITHOUT)
    op.execute("DROP TABLE online.vector, online.coverage")
    op.execute(HISTORY)
    for table in ("history", "history_load"):
        op.execute(f"ALTER TABLE online.{table} OWNER TO meridian_owner")
        op.execute(f"GRANT SELECT, INSERT, UPDATE ON online.{table} TO meridian_app")
