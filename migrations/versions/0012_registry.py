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
    submitted_by text NOT NULL REFERENCES access.analyst,
    submitted_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX submission_of ON registry.submission (model_sha256, submitted_at);
COMMENT ON TABLE registry.submission IS 'A model put forward: what for, who answers for it, and what its gates found.';
COMMENT ON COLUMN registry.submission.gates IS 'Each as {name, passed, found}.';

CREATE TABLE registry.approval (
    submission_id uuid PRIMARY KEY REFERENCES registry.submission,
    waivers jsonb NOT NULL CHECK (jsonb_typeof(waivers) = 'object'),
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

# A gate that a build of the service leaves out is a gate that did not pass.
GUARDS = """
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
    WHERE name = ANY (final) OR coalesce(btrim(NEW.waivers ->> name), '') = '';
    IF failed IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'MR002', MESSAGE = format(
            'gates did not pass, and no waiver can be or was signed for them: %s', failed);
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER approval_is_anothers BEFORE INSERT ON registry.approval
    FOR EACH ROW EXECUTE FUNCTION registry.check_approval();

CREATE FUNCTION registry.check_change() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NEW.model_sha256 IS NULL THEN
        RETURN NEW;
    END IF;
    IF NEW.alias = 'shadow' THEN
        -- It decides about nobody; it must only be what it says it is.
        IF NOT EXISTS (SELECT FROM registry.submission s, jsonb_array_elements(s.gates) g
                       WHERE s.model_sha256 = NEW.model_sha256 AND g ->> 'name' = 'files'
                             AND g -> 'passed' = 'true'::jsonb) THEN
            RAISE EXCEPTION USING ERRCODE = 'MR003', MESSAGE = 'the model was never submitted with files that hold';
        END IF;
    ELSIF NOT EXISTS (SELECT FROM registry.approval a JOIN registry.submission s ON s.id = a.submission_id
                      WHERE s.model_sha256 = NEW.model_sha256) THEN
        RAISE EXCEPTION USING ERRCODE = 'MR003', MESSAGE = 'nobody has signed for the model';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER change_is_signed_for BEFORE INSERT ON registry.change
    FOR EACH ROW EXECUTE FUNCTION registry.check_change();
"""

TABLES = ("model", "file", "submission", "approval", "change", "shadow_score")

# Who answers callers, or assesses, reads which model is whose and cannot change it.
GRANTS = """
ALTER FUNCTION registry.check_approval OWNER TO meridian_owner;
ALTER FUNCTION registry.check_change OWNER TO meridian_owner;
REVOKE ALL ON FUNCTION registry.check_approval, registry.check_change FROM PUBLIC;
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

VIEWS = """
CREATE VIEW audit.models AS
SELECT encode(m.sha256, 'hex') AS model_sha256, m.name AS model, m.product, m.purpose, s.id AS submission_id,
       s.owner, s.intended_use, s.data, encode(s.data_sha256, 'hex') AS data_sha256, s.submitted_by, s.submitted_at,
       a.approved_by, a.approved_at, a.note, m.manifest::jsonb AS manifest
FROM registry.model m
JOIN registry.submission s ON s.model_sha256 = m.sha256
LEFT JOIN registry.approval a ON a.submission_id = s.id;
COMMENT ON VIEW audit.models IS 'Every model put forward, by whom and what for, and who signed for it.';
COMMENT ON COLUMN audit.models.purpose IS 'compact, reduced and application-only answer at once; batch assesses.';
COMMENT ON COLUMN audit.models.submission_id IS 'A model may be put forward more than once.';
COMMENT ON COLUMN audit.models.owner IS 'Who answers for the model.';
COMMENT ON COLUMN audit.models.intended_use IS 'What the model is for, in its submitter''s words.';
COMMENT ON COLUMN audit.models.data IS 'The file or folder of past loans on which its gates were measured.';
COMMENT ON COLUMN audit.models.data_sha256 IS 'SHA-256 of that data.';
COMMENT ON COLUMN audit.models.submitted_by IS 'The maker: never the one who signs.';
COMMENT ON COLUMN audit.models.submitted_at IS 'When the gates had been measured.';
COMMENT ON COLUMN audit.models.approved_by IS 'Who signed for it; null while nobody has.';
COMMENT ON COLUMN audit.models.approved_at IS 'When that was.';
COMMENT ON COLUMN audit.models.note IS 'What the one who signed had to say.';
COMMENT ON COLUMN audit.models.manifest IS 'All that is stated of the model: data, features, figures, limits, hashes.';

CREATE VIEW audit.model_gates AS
SELECT s.id AS submission_id, encode(s.model_sha256, 'hex') AS model_sha256, g.gate ->> 'name' AS gate,
       (g.gate ->> 'passed')::boolean AS passed, g.gate ->> 'found' AS found,
       a.waivers ->> (g.gate ->> 'name') AS waived_because,
       CASE WHEN a.waivers ? (g.gate ->> 'name') THEN a.approved_by END AS waived_by, s.submitted_at
FROM registry.submission s
CROSS JOIN LATERAL jsonb_array_elements(s.gates) AS g (gate)
LEFT JOIN registry.approval a ON a.submission_id = s.id;
COMMENT ON VIEW audit.model_gates IS 'What every gate found of a model when it was put forward.';
COMMENT ON COLUMN audit.model_gates.submission_id IS 'As in audit.models.';
COMMENT ON COLUMN audit.model_gates.gate IS 'The gate''s name.';
COMMENT ON COLUMN audit.model_gates.passed IS 'Whether the model passed.';
COMMENT ON COLUMN audit.model_gates.found IS 'What was measured, and where the limit lay.';
COMMENT ON COLUMN audit.model_gates.waived_because IS 'Why it was signed for all the same; null where it was not.';
COMMENT ON COLUMN audit.model_gates.waived_by IS 'Who signed for that.';
COMMENT ON COLUMN audit.model_gates.submitted_at IS 'When the gates had been measured.';

CREATE VIEW audit.model_changes AS
SELECT c.product, c.purpose, c.alias, c.number, encode(c.model_sha256, 'hex') AS model_sha256, m.name AS model,
       c.share, c.back, c.because, c.changed_by, c.changed_at,
       lead(c.changed_at) OVER (PARTITION BY c.product, c.purpose, c.alias ORDER BY c.number) AS until
FROM registry.change c
LEFT JOIN registry.model m ON m.sha256 = c.model_sha256;
COMMENT ON VIEW audit.model_changes IS 'Which model was champion, challenger or shadow, from when until when.';
COMMENT ON COLUMN audit.model_changes.purpose IS 'As in audit.models.';
COMMENT ON COLUMN audit.model_changes.alias IS
    'champion decides; challenger decides for a share of applicants; shadow scores and decides about nobody.';
COMMENT ON COLUMN audit.model_changes.share IS 'The challenger''s share of applicants.';
COMMENT ON COLUMN audit.model_changes.back IS 'True: the former champion was put back.';
COMMENT ON COLUMN audit.model_changes.changed_by IS 'Who did it.';
COMMENT ON COLUMN audit.model_changes.changed_at IS 'From then on, within five seconds, in every process.';
COMMENT ON COLUMN audit.model_changes.until IS 'When the next change came; null: it holds.';

CREATE VIEW audit.shadow_scores AS
SELECT sh.version_id AS decision_id, a.ref AS application_ref, a.product,
       encode(sh.model_sha256, 'hex') AS model_sha256, m.purpose, sh.pd, sh.outcome, sh.reason_codes, sh.scored_at
FROM registry.shadow_score sh
JOIN record.application a ON a.id = sh.application_id
JOIN registry.model m ON m.sha256 = sh.model_sha256;
COMMENT ON VIEW audit.shadow_scores IS 'What a shadow would have decided on the same evidence; it never decides.';
COMMENT ON COLUMN audit.shadow_scores.decision_id IS 'What was decided.';
COMMENT ON COLUMN audit.shadow_scores.model_sha256 IS 'The shadow.';
COMMENT ON COLUMN audit.shadow_scores.purpose IS 'As in audit.models.';
COMMENT ON COLUMN audit.shadow_scores.pd IS 'Its PD, 0 to 1; null where it could not score.';
COMMENT ON COLUMN audit.shadow_scores.outcome IS 'What would have come out by the same policy.';
COMMENT ON COLUMN audit.shadow_scores.scored_at IS 'When the shadow scored.';
"""
VIEW_NAMES = ("models", "model_gates", "model_changes", "shadow_scores")


def upgrade() -> None:
    """Make everything."""
    for part in (ROLE, SCHEMA, MODELS, SHADOWS):
        op.execute(part)
    for table in TABLES:
        op.execute(f"ALTER TABLE registry.{table} OWNER TO meridian_owner")
    op.execute(GUARDS)
    op.execute(GRANTS)
    op.execute(VIEWS)
    for name in VIEW_NAMES:
        op.execute(f"ALTER VIEW audit.{name} OWNER TO meridian_owner")
        op.execute(f"GRANT SELECT ON audit.{name} TO meridian_audit, meridian_app, meridian_registrar")


def downgrade() -> None:
    """Take it away, with every signature in it; the models' folders are untouched."""
    for name in VIEW_NAMES:
        op.execute(f"DROP VIEW audit.{name}")
    op.execute("DROP SCHEMA registry CASCADE")
    op.execute("REVOKE ALL ON ALL TABLES IN SCHEMA record, access, audit FROM meridian_registrar")
    op.execute("REVOKE ALL ON schema_version FROM meridian_registrar")
    op.execute("REVOKE USAGE ON SCHEMA record, access, audit FROM meridian_registrar")
