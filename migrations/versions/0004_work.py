"""The work around the record: jobs and cases, who may call and sign in, and the own history that is looked up."""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

WORK = """
CREATE TABLE work.job (
    id uuid PRIMARY KEY,
    application_id uuid NOT NULL REFERENCES record.application,
    version_id uuid NOT NULL,
    state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'done', 'failed')),
    attempts bigint NOT NULL DEFAULT 0,
    lease_until timestamptz,
    rung_at timestamptz,
    error text,
    created_at timestamptz NOT NULL,
    done_at timestamptz
);
CREATE INDEX job_waiting ON work.job (created_at) WHERE state = 'waiting';

CREATE TABLE work.review_case (
    id uuid PRIMARY KEY,
    application_id uuid NOT NULL CONSTRAINT case_once UNIQUE REFERENCES record.application,
    because text NOT NULL,
    state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'claimed', 'settled')),
    opened_at timestamptz NOT NULL,
    claimed_by text,
    claimed_until timestamptz,
    settled_by text,
    settled_at timestamptz,
    CHECK ((state = 'claimed') = (claimed_by IS NOT NULL AND settled_at IS NULL))
);
CREATE INDEX case_open ON work.review_case (opened_at) WHERE state <> 'settled';
"""

ACCESS = """
CREATE TABLE access.api_key (
    id text PRIMARY KEY,
    name text NOT NULL,
    secret_sha256 text NOT NULL,
    scopes text[] NOT NULL CHECK (cardinality(scopes) > 0),
    created_at timestamptz NOT NULL,
    revoked_at timestamptz
);

CREATE TABLE access.analyst (
    username text PRIMARY KEY,
    password_hash text NOT NULL,
    created_at timestamptz NOT NULL
);
"""

ONLINE = """
CREATE TABLE online.history (
    applicant_id text PRIMARY KEY,
    loans bigint NOT NULL CHECK (loans >= 0),
    worst_days_late bigint NOT NULL CHECK (worst_days_late >= 0),
    as_of timestamptz NOT NULL,
    known_at timestamptz NOT NULL
);

-- That an applicant has no row is knowledge only as of the last complete load.
CREATE TABLE online.history_load (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    as_of timestamptz NOT NULL,
    known_at timestamptz NOT NULL,
    applicants bigint NOT NULL
);
"""

TABLES = (
    "work.job",
    "work.review_case",
    "access.api_key",
    "access.analyst",
    "online.history",
    "online.history_load",
)

GRANTS = """
GRANT SELECT, INSERT ON work.job, work.review_case TO meridian_app;
GRANT SELECT, UPDATE ON work.job TO meridian_worker;
GRANT SELECT, INSERT, UPDATE ON work.review_case TO meridian_worker;
GRANT SELECT, UPDATE ON work.review_case TO meridian_analyst;
GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA access, online TO meridian_app;
"""


def upgrade() -> None:
    """Make the tables."""
    for part in (WORK, ACCESS, ONLINE):
        op.execute(part)
    for table in TABLES:
        op.execute(f"ALTER TABLE {table} OWNER TO meridian_owner")
    op.execute(GRANTS)


def downgrade() -> None:
    """Take the tables away, with all that waits in them."""
    for table in TABLES:
        op.execute(f"DROP TABLE {table}")
