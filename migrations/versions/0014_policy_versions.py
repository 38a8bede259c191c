"""Versions of policies: put forward, signed for by a second person, and which of them decides from when on.

Rows are added and never changed. What a decision was made by stays in `record.policy`; here stands who wanted it.
"""

from __future__ import annotations

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

POLICIES = """
CREATE TABLE registry.policy (
    sha256 bytea PRIMARY KEY CHECK (length(sha256) = 32),
    product text NOT NULL,
    version text NOT NULL,
    document text NOT NULL,
    added_at timestamptz NOT NULL DEFAULT now(),
    -- The terms are canonical JSON, and their hash is the policy's identity in every decision.
    CONSTRAINT policy_is_its_terms CHECK (sha256(convert_to(document, 'UTF8')) = sha256),
    CONSTRAINT policy_of_product UNIQUE (sha256, product)
);
COMMENT ON TABLE registry.policy IS 'The terms of a policy that was put forward; they never change.';

CREATE TABLE registry.policy_submission (
    id uuid PRIMARY KEY,
    policy_sha256 bytea NOT NULL REFERENCES registry.policy,
    because text NOT NULL CHECK (because <> ''),
    checks jsonb NOT NULL CHECK (jsonb_typeof(checks) = 'array' AND jsonb_array_length(checks) > 0),
    CONSTRAINT policy_submission_checks_are_checks CHECK (
        NOT jsonb_path_exists(checks, 'strict $[*] ? (@.type() != "object")')
        AND NOT jsonb_path_exists(checks, '$[*] ? (!(@.name.type() == "string") || !(@.passed.type() == "boolean")
                                                   || !(@.found.type() == "string"))')),
    submitted_by text NOT NULL REFERENCES access.analyst,
    submitted_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX policy_submission_of ON registry.policy_submission (policy_sha256, submitted_at);
COMMENT ON TABLE registry.policy_submission IS 'A policy put forward, why, and what was found of it.';
COMMENT ON COLUMN registry.policy_submission.checks IS 'Each as {name, passed, found}.';

CREATE TABLE registry.policy_approval (
    submission_id uuid PRIMARY KEY REFERENCES registry.policy_submission,
    note text NOT NULL,
    approved_by text NOT NULL REFERENCES access.analyst,
    approved_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE registry.policy_approval IS 'A second person''s signature under it.';

CREATE TABLE registry.policy_change (
    product text NOT NULL,
    number bigint NOT NULL CHECK (number > 0),
    policy_sha256 bytea NOT NULL,
    effective_at timestamptz NOT NULL,
    back boolean NOT NULL,
    because text NOT NULL CHECK (because <> ''),
    changed_by text NOT NULL REFERENCES access.analyst,
    changed_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (product, number),
    FOREIGN KEY (policy_sha256, product) REFERENCES registry.policy (sha256, product)
);
COMMENT ON TABLE registry.policy_change IS
    'Which policy decides: of the changes that are effective, the one with the highest number.';
"""

GUARDS = """
CREATE FUNCTION registry.note_policy_submission() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.submitted_at := clock_timestamp();
    RETURN NEW;
END $$;
CREATE TRIGGER policy_submission_moment BEFORE INSERT ON registry.policy_submission
    FOR EACH ROW EXECUTE FUNCTION registry.note_policy_submission();

CREATE FUNCTION registry.check_policy_approval() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    of registry.policy_submission%ROWTYPE;
    failed text;
BEGIN
    SELECT * INTO of FROM registry.policy_submission WHERE id = NEW.submission_id;
    IF EXISTS (SELECT FROM registry.policy_submission s
               WHERE s.policy_sha256 = of.policy_sha256 AND s.submitted_by = NEW.approved_by) THEN
        RAISE EXCEPTION USING ERRCODE = 'MR001', MESSAGE = format(
            '%s submitted this policy, and nobody signs for a policy of one''s own', NEW.approved_by);
    END IF;
    SELECT string_agg(c ->> 'name', ', ') INTO failed FROM jsonb_array_elements(of.checks) c
    WHERE c -> 'passed' IS DISTINCT FROM 'true'::jsonb;
    IF failed IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'MR002', MESSAGE = format('it did not pass: %s', failed);
    END IF;
    NEW.approved_at := now();
    RETURN NEW;
END $$;
CREATE TRIGGER policy_approval_is_anothers BEFORE INSERT ON registry.policy_approval
    FOR EACH ROW EXECUTE FUNCTION registry.check_policy_approval();

CREATE FUNCTION registry.check_policy_change() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    last bigint;
    newest uuid;
BEGIN
    SELECT coalesce(max(number), 0) INTO last FROM registry.policy_change WHERE product = NEW.product;
    IF NEW.number <> last + 1 THEN
        RAISE EXCEPTION USING ERRCODE = 'MR005', MESSAGE = format(
            'its last change has the number %s, so that this one cannot have %s', last, NEW.number);
    END IF;
    NEW.changed_at := clock_timestamp();
    -- Nobody decides for the past.
    NEW.effective_at := greatest(NEW.effective_at, NEW.changed_at);
    IF NEW.back AND NOT EXISTS (SELECT FROM registry.policy_change c WHERE c.product = NEW.product
                                AND c.policy_sha256 = NEW.policy_sha256) THEN
        RAISE EXCEPTION USING ERRCODE = 'MR003', MESSAGE = 'the policy never was what it is to be again';
    END IF;
    -- As of models: what was found last counts, and back goes what was signed for once.
    SELECT s.id INTO newest FROM registry.policy_submission s WHERE s.policy_sha256 = NEW.policy_sha256
    ORDER BY s.submitted_at DESC LIMIT 1;
    IF NOT EXISTS (SELECT FROM registry.policy_approval a JOIN registry.policy_submission s ON s.id = a.submission_id
                   WHERE s.policy_sha256 = NEW.policy_sha256 AND (NEW.back OR s.id = newest)) THEN
        RAISE EXCEPTION USING ERRCODE = 'MR003', MESSAGE = 'nobody has signed for the policy as it was submitted last';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER policy_change_is_signed_for BEFORE INSERT ON registry.policy_change
    FOR EACH ROW EXECUTE FUNCTION registry.check_policy_change();
"""

GRANTS = """
ALTER FUNCTION registry.note_policy_submission OWNER TO meridian_owner;
ALTER FUNCTION registry.check_policy_approval OWNER TO meridian_owner;
ALTER FUNCTION registry.check_policy_change OWNER TO meridian_owner;
REVOKE ALL ON FUNCTION registry.note_policy_submission, registry.check_policy_approval, registry.check_policy_change
    FROM PUBLIC;
GRANT SELECT ON registry.policy, registry.policy_submission, registry.policy_approval, registry.policy_change
    TO meridian_app, meridian_worker, meridian_analyst, meridian_registrar;
GRANT USAGE ON SCHEMA registry TO meridian_analyst;
GRANT INSERT ON registry.policy, registry.policy_submission, registry.policy_approval, registry.policy_change
    TO meridian_registrar;
"""

VIEWS = """
CREATE VIEW audit.policy_versions AS
SELECT p.product, p.version AS policy_version, s.id AS submission_id, s.because, s.checks, s.submitted_by,
       s.submitted_at, a.approved_by, a.approved_at, a.note, p.document::jsonb AS document
FROM registry.policy p
JOIN registry.policy_submission s ON s.policy_sha256 = p.sha256
LEFT JOIN registry.policy_approval a ON a.submission_id = s.id;
COMMENT ON VIEW audit.policy_versions IS 'Every policy put forward, why and by whom, and who signed for it.';
COMMENT ON COLUMN audit.policy_versions.submission_id IS 'A policy may be put forward more than once.';
COMMENT ON COLUMN audit.policy_versions.checks IS 'What was found of it: name, passed, found.';
COMMENT ON COLUMN audit.policy_versions.submitted_by IS 'The maker: never the one who signs.';
COMMENT ON COLUMN audit.policy_versions.submitted_at IS 'When that was.';
COMMENT ON COLUMN audit.policy_versions.approved_by IS 'Who signed for it; null while nobody has.';
COMMENT ON COLUMN audit.policy_versions.approved_at IS 'When that was.';
COMMENT ON COLUMN audit.policy_versions.note IS 'What the one who signed had to say.';
COMMENT ON COLUMN audit.policy_versions.document IS 'All of it, as JSON.';

CREATE VIEW audit.policy_changes AS
SELECT c.product, c.number, p.version AS policy_version, c.effective_at, c.back, c.because, c.changed_by, c.changed_at
FROM registry.policy_change c
JOIN registry.policy p ON p.sha256 = c.policy_sha256;
COMMENT ON VIEW audit.policy_changes IS 'Which policy was to decide from when on: the highest effective number.';
COMMENT ON COLUMN audit.policy_changes.effective_at IS 'From then on, within five seconds, in every process.';
COMMENT ON COLUMN audit.policy_changes.back IS 'True: the former policy was put back.';
COMMENT ON COLUMN audit.policy_changes.changed_by IS 'Who did it.';
COMMENT ON COLUMN audit.policy_changes.changed_at IS 'When that was.';
"""
TABLES = ("policy", "policy_submission", "policy_approval", "policy_change")
VIEW_NAMES = ("policy_versions", "policy_changes")


def upgrade() -> None:
    """Make everything."""
    op.execute(POLICIES)
    for table in TABLES:
        op.execute(f"ALTER TABLE registry.{table} OWNER TO meridian_owner")
    op.execute(GUARDS)
    op.execute(GRANTS)
    op.execute(VIEWS)
    for name in VIEW_NAMES:
        op.execute(f"ALTER VIEW audit.{name} OWNER TO meridian_owner")
        op.execute(f"GRANT SELECT ON audit.{name} TO meridian_audit, meridian_app, meridian_registrar")


def downgrade() -> None:
    """Take it away, with every signature in it; what was decided by stays in the record."""
    for name in VIEW_NAMES:
        op.execute(f"DROP VIEW audit.{name}")
    for table in reversed(TABLES):
        op.execute(f"DROP TABLE registry.{table}")
    for function in ("note_policy_submission", "check_policy_approval", "check_policy_change"):
        op.execute(f"DROP FUNCTION registry.{function}")
    op.execute("REVOKE USAGE ON SCHEMA registry FROM meridian_analyst")
