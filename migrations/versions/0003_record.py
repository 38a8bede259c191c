"""Roles, and the record: rows that are added and never changed, in partitions by month, and their seals.

The first of the chain. 0001 and 0002 were of the time before rows were hashed and sealed; no release had them, and
a database that they made is refused by name (see `meridian.db.migrate`).
"""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = None
branch_labels = None
depends_on = None

ROLES = """
DO $$
DECLARE role_name text;
BEGIN
    -- Roles belong to the whole server; another database of the same server may have made them already,
    -- or may be making them at this moment.
    FOREACH role_name IN ARRAY ARRAY['meridian_owner', 'meridian_app', 'meridian_worker', 'meridian_analyst',
                                     'meridian_audit', 'meridian_broker'] LOOP
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

AUDIT_ROLE = """
ALTER ROLE meridian_audit SET default_transaction_read_only = on;
ALTER ROLE meridian_audit SET statement_timeout = '60s';
"""

SCHEMAS = """
CREATE SCHEMA record AUTHORIZATION meridian_owner;
CREATE SCHEMA work AUTHORIZATION meridian_owner;
CREATE SCHEMA access AUTHORIZATION meridian_owner;
CREATE SCHEMA online AUTHORIZATION meridian_owner;
CREATE SCHEMA audit AUTHORIZATION meridian_owner;
COMMENT ON SCHEMA record IS 'What was asked, known and decided. Rows are added, never changed.';
COMMENT ON SCHEMA work IS 'What is still to be done: assessments, cases, rows to be sealed.';
COMMENT ON SCHEMA access IS 'Who may call and who may sign in. Hashes only.';
COMMENT ON SCHEMA online IS 'Ready values that a decision looks up.';
COMMENT ON SCHEMA audit IS 'Documented views: all that an auditor reads.';
"""

# Not partitioned: a reference and an idempotency key are taken for good, and PostgreSQL holds a unique key over
# all partitions only where it contains the month.
NOT_BY_MONTH = """
CREATE TABLE record.application (
    id uuid PRIMARY KEY,
    ref text NOT NULL CONSTRAINT application_ref_unique UNIQUE,
    product text NOT NULL,
    applicant_id text NOT NULL,
    caller text NOT NULL,
    idempotency_key text,
    request_sha256 bytea NOT NULL CHECK (length(request_sha256) = 32),
    received_at timestamptz NOT NULL,
    row_sha256 bytea NOT NULL CHECK (length(row_sha256) = 32)
);
CREATE UNIQUE INDEX application_key_unique ON record.application (caller, idempotency_key)
    WHERE idempotency_key IS NOT NULL;
CREATE INDEX application_applicant ON record.application (applicant_id, received_at);

CREATE TABLE record.policy (
    id uuid PRIMARY KEY,
    version text NOT NULL CONSTRAINT policy_version_unique UNIQUE,
    document text NOT NULL,
    added_at timestamptz NOT NULL,
    row_sha256 bytea NOT NULL CHECK (length(row_sha256) = 32)
);
"""

# By the application's id, whose first 48 bits are its moment: all that belongs to an application lies in the month
# in which it came, and goes with that month one day.
BY_MONTH = """
CREATE TABLE record.evidence (
    id uuid NOT NULL,
    application_id uuid NOT NULL REFERENCES record.application,
    sha256 bytea NOT NULL CHECK (length(sha256) = 32),
    rung smallint NOT NULL CHECK (rung BETWEEN 0 AND 4),
    document text NOT NULL,
    captured_at timestamptz NOT NULL,
    row_sha256 bytea NOT NULL CHECK (length(row_sha256) = 32),
    PRIMARY KEY (application_id, id)
) PARTITION BY RANGE (application_id);

CREATE TABLE record.version (
    id uuid NOT NULL,
    application_id uuid NOT NULL REFERENCES record.application,
    number bigint NOT NULL CHECK (number > 0),
    evidence_id uuid NOT NULL,
    stage text NOT NULL CHECK (stage IN ('fast', 'batch', 'review', 'correction')),
    outcome text NOT NULL CHECK (outcome IN ('approve', 'refer', 'decline')),
    pd double precision CHECK (pd BETWEEN 0 AND 1),
    model_sha256 bytea CHECK (length(model_sha256) = 32),
    policy_version text NOT NULL REFERENCES record.policy (version),
    decided_at timestamptz NOT NULL,
    decided_by text NOT NULL,
    governs_because text,
    document text NOT NULL,
    row_sha256 bytea NOT NULL CHECK (length(row_sha256) = 32),
    PRIMARY KEY (application_id, number),
    FOREIGN KEY (application_id, evidence_id) REFERENCES record.evidence (application_id, id),
    CONSTRAINT version_first_governs CHECK (number > 1 OR governs_because IS NOT NULL)
) PARTITION BY RANGE (application_id);
CREATE INDEX version_id ON record.version (id);
"""

PARTITIONS = """
CREATE FUNCTION record.month_start(month date) RETURNS uuid LANGUAGE sql IMMUTABLE
    RETURN (lpad(to_hex((extract(epoch FROM month) * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid;
COMMENT ON FUNCTION record.month_start IS 'The lowest id (UUID, version 7) of a month, in UTC.';

CREATE FUNCTION record.make_partitions(months_ahead integer) RETURNS integer LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $$
DECLARE
    this_month date := date_trunc('month', now() AT TIME ZONE 'UTC');
    month date;
    parent text;
    part text;
    made integer := 0;
BEGIN
    -- Two at once would make the same table; one is enough.
    IF NOT pg_try_advisory_xact_lock(7305505) THEN
        RETURN 0;
    END IF;
    -- From the month before, for a clock that is behind at the turn of a month.
    FOR i IN -1 .. months_ahead LOOP
        month := this_month + make_interval(months => i);
        FOREACH parent IN ARRAY ARRAY['evidence', 'version'] LOOP
            part := parent || to_char(month, '_YYYY_MM');
            CONTINUE WHEN to_regclass('record.' || part) IS NOT NULL;
            -- Made apart and then attached: CREATE TABLE ... PARTITION OF would lock everybody out meanwhile.
            EXECUTE format('CREATE TABLE record.%I (LIKE record.%I INCLUDING ALL)', part, parent);
            EXECUTE format('ALTER TABLE record.%I ATTACH PARTITION record.%I FOR VALUES FROM (%L) TO (%L)', parent,
                           part, record.month_start(month), record.month_start((month + interval '1 month')::date));
            made := made + 1;
        END LOOP;
    END LOOP;
    RETURN made;
END $$;
COMMENT ON FUNCTION record.make_partitions IS 'Have the partitions of last month, this one and so many ahead.';
"""

SEALS = """
CREATE TABLE record.seal (
    number bigint PRIMARY KEY CHECK (number > 0),
    sealed_at timestamptz NOT NULL,
    -- 49 bytes a row: the kind's letter, the row's id, the row's SHA-256.
    leaves bytea NOT NULL CHECK (length(leaves) > 0 AND length(leaves) % 49 = 0),
    root bytea NOT NULL CHECK (length(root) = 32),
    previous bytea NOT NULL CHECK (length(previous) = 32),
    sha256 bytea NOT NULL CHECK (length(sha256) = 32),
    key bytea NOT NULL CHECK (length(key) = 32),
    signature bytea NOT NULL CHECK (length(signature) = 64)
);
-- Hashes do not compress; spare the attempt.
ALTER TABLE record.seal ALTER COLUMN leaves SET STORAGE EXTERNAL;

CREATE TABLE work.unsealed (
    id uuid PRIMARY KEY,
    leaves bytea NOT NULL CHECK (length(leaves) > 0 AND length(leaves) % 49 = 0),
    added_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE work.anchored (
    place text PRIMARY KEY,
    number bigint NOT NULL,
    anchored_at timestamptz NOT NULL
);
"""

TABLES = ("record.application", "record.policy", "record.evidence", "record.version", "record.seal")
WORK_TABLES = ("work.unsealed", "work.anchored")

FUNCTIONS = """
ALTER FUNCTION record.month_start OWNER TO meridian_owner;
ALTER FUNCTION record.make_partitions OWNER TO meridian_owner;
REVOKE ALL ON FUNCTION record.make_partitions FROM PUBLIC;
SELECT record.make_partitions(3);
"""

# Nobody may change or remove what is in the record; who adds to which table is all that differs.
GRANTS = """
GRANT USAGE ON SCHEMA record, work, access, online, audit TO meridian_app;
GRANT USAGE ON SCHEMA record, work, audit TO meridian_worker;
GRANT USAGE ON SCHEMA record, work, access TO meridian_analyst;
GRANT USAGE ON SCHEMA audit TO meridian_audit;

GRANT SELECT ON record.application, record.policy, record.evidence, record.version, record.seal
    TO meridian_app, meridian_worker, meridian_analyst;
GRANT INSERT ON record.application, record.policy, record.evidence, record.version TO meridian_app;
GRANT INSERT ON record.policy, record.evidence, record.version, record.seal TO meridian_worker;
GRANT INSERT ON record.policy, record.version TO meridian_analyst;
GRANT EXECUTE ON FUNCTION record.make_partitions TO meridian_worker;

GRANT SELECT, INSERT ON work.unsealed TO meridian_app;
GRANT SELECT, INSERT, DELETE ON work.unsealed TO meridian_worker;
GRANT INSERT ON work.unsealed TO meridian_analyst;
GRANT SELECT, INSERT, UPDATE ON work.anchored TO meridian_worker;
GRANT SELECT ON work.anchored TO meridian_app;
GRANT SELECT ON schema_version TO meridian_app, meridian_worker;
"""


def upgrade() -> None:
    """Make everything."""
    for part in (ROLES, AUDIT_ROLE, SCHEMAS, NOT_BY_MONTH, BY_MONTH, PARTITIONS, SEALS):
        op.execute(part)
    for table in (*TABLES, *WORK_TABLES):
        op.execute(f"ALTER TABLE {table} OWNER TO meridian_owner")
    op.execute(FUNCTIONS)
    op.execute(GRANTS)


def downgrade() -> None:
    """Take everything away but the roles, which other databases of the server may use."""
    op.execute("DROP SCHEMA audit, online, access, work, record CASCADE")
