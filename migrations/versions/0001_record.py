"""Roles, the append-only record, the work around it, access, and the own history that is looked up."""

from __future__ import annotations

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

ROLES = """
DO $$
DECLARE role_name text;
BEGIN
    -- Roles belong to the whole server; another database of the same server may have made them already,
    -- or may be making them at this moment.
    FOREACH role_name IN ARRAY ARRAY['meridian_owner', 'meridian_app', 'meridian_audit', 'meridian_broker'] LOOP
        BEGIN
            IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role_name) THEN
                EXECUTE 'CREATE ROLE ' || quote_ident(role_name) || ' NOLOGIN';
            END IF;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;
        END;
    END LOOP;
END $$;
"""

SCHEMAS = """
CREATE SCHEMA record AUTHORIZATION meridian_owner;
CREATE SCHEMA work AUTHORIZATION meridian_owner;
CREATE SCHEMA access AUTHORIZATION meridian_owner;
CREATE SCHEMA online AUTHORIZATION meridian_owner;
CREATE SCHEMA audit AUTHORIZATION meridian_owner;
COMMENT ON SCHEMA record IS 'What was asked, known and decided. Rows are added, never changed.';
COMMENT ON SCHEMA work IS 'What is still to be done: assessments and cases.';
COMMENT ON SCHEMA access IS 'Who may call and who may sign in. Hashes only.';
COMMENT ON SCHEMA online IS 'Ready values that a decision looks up.';
COMMENT ON SCHEMA audit IS 'Documented views: all that an auditor reads.';
"""

RECORD = """
CREATE TABLE record.application (
    id uuid PRIMARY KEY,
    ref text NOT NULL CONSTRAINT application_ref_unique UNIQUE,
    product text NOT NULL,
    applicant_id text NOT NULL,
    caller text NOT NULL,
    received_at timestamptz NOT NULL
);
CREATE INDEX application_applicant ON record.application (applicant_id, received_at);

CREATE TABLE record.evidence (
    id uuid PRIMARY KEY,
    application_id uuid NOT NULL REFERENCES record.application,
    sha256 text NOT NULL,
    rung smallint NOT NULL CHECK (rung BETWEEN 0 AND 4),
    document jsonb NOT NULL,
    captured_at timestamptz NOT NULL
);
CREATE INDEX evidence_application ON record.evidence (application_id);

CREATE TABLE record.version (
    id uuid PRIMARY KEY,
    application_id uuid NOT NULL REFERENCES record.application,
    number bigint NOT NULL CHECK (number > 0),
    evidence_id uuid NOT NULL REFERENCES record.evidence,
    stage text NOT NULL CHECK (stage IN ('fast', 'batch', 'review')),
    outcome text NOT NULL CHECK (outcome IN ('approve', 'refer', 'decline')),
    pd double precision CHECK (pd BETWEEN 0 AND 1),
    model_sha256 text,
    policy_version text NOT NULL,
    decided_at timestamptz NOT NULL,
    decided_by text NOT NULL,
    document jsonb NOT NULL,
    CONSTRAINT version_number_unique UNIQUE (application_id, number)
);

CREATE TABLE record.governing (
    application_id uuid NOT NULL REFERENCES record.application,
    seq bigint NOT NULL CHECK (seq > 0),
    version_id uuid NOT NULL REFERENCES record.version,
    since timestamptz NOT NULL,
    because text NOT NULL,
    PRIMARY KEY (application_id, seq)
);

CREATE TABLE record.reply (
    caller text NOT NULL,
    idempotency_key text NOT NULL,
    request_sha256 text NOT NULL,
    -- The reply goes in first, so that of two twins the second waits here; its version follows in the same commit.
    version_id uuid NOT NULL REFERENCES record.version DEFERRABLE INITIALLY DEFERRED,
    body text NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT reply_once PRIMARY KEY (caller, idempotency_key)
);
"""

WORK = """
CREATE TABLE work.job (
    id uuid PRIMARY KEY,
    application_id uuid NOT NULL REFERENCES record.application,
    version_id uuid NOT NULL REFERENCES record.version,
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

OWNERS = "\n".join(
    f"ALTER TABLE {table} OWNER TO meridian_owner;"
    for table in (
        "record.application",
        "record.evidence",
        "record.version",
        "record.governing",
        "record.reply",
        "work.job",
        "work.review_case",
        "access.api_key",
        "access.analyst",
        "online.history",
        "online.history_load",
    )
)

GRANTS = """
GRANT USAGE ON SCHEMA record, work, access, online, audit TO meridian_app;
GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA record TO meridian_app;
GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA work, access, online TO meridian_app;
GRANT SELECT ON schema_version TO meridian_app;
GRANT USAGE ON SCHEMA audit TO meridian_audit;
ALTER ROLE meridian_audit SET default_transaction_read_only = on;
ALTER ROLE meridian_audit SET statement_timeout = '60s';
"""


def upgrade() -> None:
    """Make everything."""
    for part in (ROLES, SCHEMAS, RECORD, WORK, ACCESS, ONLINE, OWNERS, GRANTS):
        op.execute(part)


def downgrade() -> None:
    """Take everything away but the roles, which other databases of the server may use."""
    op.execute("DROP SCHEMA audit, online, access, work, record CASCADE")
