"""The registry: models with their files, what their gates found, who signed for them, and which of them decide.

Rows are added and never changed. That nobody signs for a model of one's own, and that nothing decides without a
signature, is held here by triggers, whatever the code above does.
"""

from __future__ import annotations

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

ROLE = """
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'meridian_registrar') THEN
        CREATE ROLE meridian_registrar NOLOGIN;
    END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
    NULL;
END $$;
"""

SCHEMA = """
CREATE SCHEMA registry AUTHORIZATION meridian_owner;
COMMENT ON SCHEMA registry IS 'Models, who signed for them, and which of them decide. Rows are added, never changed.';
"""

MODELS = """
CREATE TABLE registry.model (
    sha256 bytea PRIMARY KEY CHECK (length(sha256) = 32),
    product text NOT NULL,
    purpose text NOT NULL CHECK (purpose IN ('compact', 'reduced', 'application-only', 'batch')),
    name text NOT NULL,
    manifest text NOT NULL,
    added_at timestamptz NOT NULL DEFAULT now(),
    -- A manifest is canonical JSON, and its hash is the model's name.
    CONSTRAINT model_is_its_manifest CHECK (sha256(convert_to(manifest, 'UTF8')) = sha256),
    CONSTRAINT model_of_product UNIQUE (sha256, product, purpose)
);
COMMENT ON TABLE registry.model IS 'A model: its manifest, whose SHA-256 is its identity in every decision.';

CREATE TABLE registry.file (
    model_sha256 bytea NOT NULL REFERENCES registry.model,
    name text NOT NULL,
    content bytea NOT NULL,
    PRIMARY KEY (model_sha256, name)
);
-- Trees and tables compress, but not while a decision waits for them.
ALTER TABLE registry.file ALTER COLUMN content SET STORAGE EXTERNAL;
COMMENT ON TABLE registry.file IS 'The files of a model, each held to the hash that its manifest states.';

CREATE TABLE registry.submission (
    id uuid PRIMARY KEY,
    model_sha256 bytea NOT NULL REFERENCES registry.model,
    owner text NOT NULL CHECK (owner <> ''),
    intended_use text NOT NULL CHECK (intended_use <> ''),
    data text NOT NULL,
    data_sha256 bytea NOT NULL CHECK (length(data_sha256) = 32),
    gates jsonb NOT NULL CHECK (jsonb_typeof(gates) = 'array' AND jsonb_array_length(gates) > 0),
    CONSTRAINT submission_gates_are_gates CHECK (
        NOT jsonb_path_exists(gates, 'strict $[*] ? (@.type() != "object")')
        AND NOT jsonb_path_exists(gates, '$[*] ? (!(@.name.type() == "string") || !(@.passed.type() == "boolean")
                                                  || !(@.found.type() == "string"))')),
    submitted_by text NOT NULL REFERENCES access.analyst,
    submitted_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX submission_of ON registry.submission (model_sha256, submitted_at);
COMMENT ON TABLE registry.submission IS 'A model put forward: what for, who answers for it, and what its gates found.';
COMMENT ON COLUMN registry.submission.gates IS 'Each as {name, passed, found}.';

CREATE TABLE registry.approval (
    submission_id uuid PRIMARY KEY REFERENCES registry.submission,
    waivers jsonb NOT NULL CHECK (jsonb_typeof(waivers) = 'object'),
    CONSTRAINT approval_waivers_are_words CHECK (NOT jsonb_path_exists(waivers, 'strict $.* ? (@.type() != "string")')),
    note text NOT NULL,
    approved_by text NOT NULL REFERENCES access.analyst,
    approved_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE registry.approval IS 'A second person''s signature under a submission.';
COMMENT ON COLUMN registry.approval.waivers IS 'Gates that did not pass and were signed for all the same: gate -> why.';

CREATE TABLE registry.change (
    product text NOT NULL,
    purpose text NOT NULL,
    alias text NOT NULL CHECK (alias IN ('champion', 'challenger', 'shadow')),
    number bigint NOT NULL CHECK (number > 0),
    model_sha256 bytea,
    share double precision,
    back boolean NOT NULL,
    because text NOT NULL CHECK (because <> ''),
    changed_by text NOT NULL REFERENCES access.analyst,
    changed_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (product, purpose, alias, number),
    FOREIGN KEY (model_sha256, product, purpose) REFERENCES registry.model (sha256, product, purpose),
    CONSTRAINT change_share CHECK ((alias = 'challenger' AND model_sha256 IS NOT NULL) = (share IS NOT NULL)
                                   AND (share IS NULL OR (share > 0 AND share < 1))),
    CONSTRAINT change_champion_stays CHECK (alias <> 'champion' OR model_sha256 IS NOT NULL),
    CONSTRAINT change_back CHECK (NOT back OR alias = 'champion')
);
COMMENT ON TABLE registry.change IS 'Which model is whose: the highest number of a product, purpose and alias holds.';
"""

SHADOWS = """
CREATE TABLE registry.shadow_score (
    version_id uuid NOT NULL,
    model_sha256 bytea NOT NULL REFERENCES registry.model,
    application_id uuid NOT NULL REFERENCES record.application,
    pd double precision CHECK (pd BETWEEN 0 AND 1),
    outcome text NOT NULL CHECK (outcome IN ('approve', 'refer', 'decline')),
    reason_codes text[] NOT NULL,
    scored_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (version_id, model_sha256)
);
CREATE INDEX shadow_score_of ON registry.shadow_score (model_sha256, scored_at);
COMMENT ON TABLE registry.shadow_score IS 'What a model that does not decide would have said of a version.';
"""

# Two spellings of one name would be two people.
PEOPLE = """
ALTER TABLE access.analyst ADD CONSTRAINT analyst_name
    CHECK (username ~ '^[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}$') NOT VALID;
-- Some people, not some million.
-- squawk-ignore require-concurrent-index-creation
CREATE UNIQUE INDEX analyst_folded ON access.analyst (lower(username));
"""

# A gate that a build of the service leaves out is a gate that did not pass. Moments are the server's, whatever is sent.
GUARDS = """
CREATE FUNCTION registry.note_model() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.added_at := now();
    RETURN NEW;
END $$;
CREATE TRIGGER model_moment BEFORE INSERT ON registry.model
    FOR EACH ROW EXECUTE FUNCTION registry.note_model();

CREATE FUNCTION registry.check_file() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    -- With its model, or never.
    IF NOT EXISTS (SELECT FROM registry.model WHERE sha256 = NEW.model_sha256
                   AND xmin = pg_current_xact_id()::xid) THEN
        RAISE EXCEPTION USING ERRCODE = 'MR003', MESSAGE = 'files are added with their model and at no other time';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER file_with_model BEFORE INSERT ON registry.file
    FOR EACH ROW EXECUTE FUNCTION registry.check_file();

CREATE FUNCTION registry.note_submission() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.submitted_at := clock_timestamp();
    RETURN NEW;
END $$;
CREATE TRIGGER submission_moment BEFORE INSERT ON registry.submission
    FOR EACH ROW EXECUTE FUNCTION registry.note_submission();

CREATE FUNCTION registry.check_approval() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    of registry.submission%ROWTYPE;
    failed text;
    due CONSTANT text[] := ARRAY['files', 'discrimination', 'leakage', 'calibration', 'stability', 'monotonicity',
                                 'reasons', 'tested reasons', 'fairness', 'latency', 'reproduction'];
    -- For neither a tampered model nor one that has no reason to give can anybody sign.
    final CONSTANT text[] := ARRAY['files', 'reasons'];
BEGIN
    SELECT * INTO of FROM registry.submission WHERE id = NEW.submission_id;
    IF EXISTS (SELECT FROM registry.submission s
               WHERE s.model_sha256 = of.model_sha256 AND s.submitted_by = NEW.approved_by) THEN
        RAISE EXCEPTION USING ERRCODE = 'MR001', MESSAGE = format(
            '%s submitted this model, and nobody signs for a model of one''s own', NEW.approved_by);
    END IF;
    SELECT string_agg(name, ', ' ORDER BY name) INTO failed FROM (
        SELECT unnest(due) AS name EXCEPT SELECT g ->> 'name' FROM jsonb_array_elements(of.gates) g
        WHERE g -> 'passed' = 'true'::jsonb
        UNION SELECT g ->> 'name' FROM jsonb_array_elements(of.gates) g WHERE g -> 'passed' <> 'true'::jsonb
    ) AS not_passed
    WHERE name = ANY (final) OR coalesce(NEW.waivers ->> name, '') !~ '[^[:space:]]';
    IF failed IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'MR002', MESSAGE = format(
            'gates did not pass, and no waiver can be or was signed for them: %s', failed);
    END IF;
    NEW.approved_at := now();
    RETURN NEW;
END $$;
CREATE TRIGGER approval_is_anothers BEFORE INSERT ON registry.approval
    FOR EACH ROW EXECUTE FUNCTION registry.check_approval();

CREATE FUNCTION registry.check_change() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    last bigint;
    newest uuid;
BEGIN
    SELECT coalesce(max(number), 0) INTO last FROM registry.change
    WHERE product = NEW.product AND purpose = NEW.purpose AND alias = NEW.alias;
    IF NEW.number <> last + 1 THEN
        RAISE EXCEPTION USING ERRCODE = 'MR005', MESSAGE = format(
            'its last change has the number %s, so that this one cannot have %s', last, NEW.number);
    END IF;
    NEW.changed_at := clock_timestamp();
    IF NEW.model_sha256 IS NULL THEN
        RETURN NEW;
    END IF;
    IF NEW.back AND NOT EXISTS (SELECT FROM registry.change c WHERE c.product = NEW.product
                                AND c.purpose = NEW.purpose AND c.alias = NEW.alias
                                AND c.model_sha256 = NEW.model_sha256) THEN
        RAISE EXCEPTION USING ERRCODE = 'MR003', MESSAGE = 'the model never was what it is to be again';
    END IF;
    IF NEW.alias <> 'champion' AND NEW.model_sha256 = (
            SELECT c.model_sha256 FROM registry.change c WHERE c.product = NEW.product AND c.purpose = NEW.purpose
            AND c.alias = 'champion' ORDER BY c.number DESC LIMIT 1) THEN
        RAISE EXCEPTION USING ERRCODE = 'MR003', MESSAGE = 'the model is the champion, beside which it would stand';
    END IF;
    IF NEW.alias = 'shadow' THEN
        -- It decides about nobody; it must only be what it says it is.
        IF NOT EXISTS (SELECT FROM registry.submission s, jsonb_array_elements(s.gates) g
                       WHERE s.model_sha256 = NEW.model_sha256 AND g ->> 'name' = 'files'
                             AND g -> 'passed' = 'true'::jsonb) THEN
            RAISE EXCEPTION USING ERRCODE = 'MR003', MESSAGE = 'the model was never submitted with files that hold';
        END IF;
        RETURN NEW;
    END IF;
    -- What was found last is what counts; back goes who was signed for once, whatever somebody submitted since.
    SELECT s.id INTO newest FROM registry.submission s WHERE s.model_sha256 = NEW.model_sha256
    ORDER BY s.submitted_at DESC LIMIT 1;
    IF NOT EXISTS (SELECT FROM registry.approval a JOIN registry.submission s ON s.id = a.submission_id
                   WHERE s.model_sha256 = NEW.model_sha256 AND (NEW.back OR s.id = newest)) THEN
        RAISE EXCEPTION USING ERRCODE = 'MR003', MESSAGE = 'nobody has signed for the model as it was submitted last';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER change_is_signed_for BEFORE INSERT ON registry.change
    FOR EACH ROW EXECUTE FUNCTION registry.check_change();
"""

TABLES = ("model", "file", "submission", "approval", "change", "shadow_score")

# Who answers callers, or assesses, reads which model is whose and cannot change it.
GRANTS = """
ALTER FUNCTION registry.note_model OWNER TO meridian_owner;
ALTER FUNCTION registry.check_file OWNER TO meridian_owner;
ALTER FUNCTION registry.note_submission OWNER TO meridian_owner;
ALTER FUNCTION registry.check_approval OWNER TO meridian_owner;
ALTER FUNCTION registry.check_change OWNER TO meridian_owner;
REVOKE ALL ON FUNCTION registry.note_model, registry.check_file, registry.note_submission, registry.check_approval,
    registry.check_change FROM PUBLIC;
GRANT USAGE ON SCHEMA registry TO meridian_app, meridian_worker, meridian_registrar;
GRANT SELECT ON registry.model, registry.file, registry.submission, registry.approval, registry.change
    TO meridian_app, meridian_worker, meridian_registrar;
GRANT SELECT ON registry.shadow_score TO meridian_app, meridian_worker, meridian_registrar;
GRANT INSERT ON registry.shadow_score TO meridian_worker;
GRANT INSERT ON registry.model, registry.file, registry.submission, registry.approval, registry.change
    TO meridian_registrar;
GRANT USAGE ON SCHEMA record, access, audit TO meridian_registrar;
GRANT SELECT ON record.application, record.policy, record.evidence, record.version, schema_version
    TO meridian_registrar;
GRANT SELECT ON access.analyst TO meridian_registrar;
"""


def upgrade() -> None:
    """Make everything."""
    for part in (ROLE, PEOPLE, SCHEMA, MODELS, SHADOWS):
        op.execute(part)
    for table in TABLES:
        op.execute(f"ALTER TABLE registry.{table} OWNER TO meridian_owner")
    op.execute(GUARDS)
    op.execute(GRANTS)


def downgrade() -> None:
    """Take it away, with every signature in it; the models' folders are untouched."""
    op.execute("DROP SCHEMA registry CASCADE")
    op.execute("DROP INDEX access.analyst_folded")
    op.execute("ALTER TABLE access.analyst DROP CONSTRAINT analyst_name")
    op.execute("REVOKE ALL ON ALL TABLES IN SCHEMA record, access, audit FROM meridian_registrar")
    op.execute("REVOKE ALL ON schema_version FROM meridian_registrar")
    op.execute("REVOKE USAGE ON SCHEMA record, access, audit FROM meridian_registrar")
