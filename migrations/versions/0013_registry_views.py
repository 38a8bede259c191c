"""What auditors see of the registry: models, gates, signatures, who decided when, and what shadows said."""

from __future__ import annotations

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

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
    """Make the views."""
    op.execute(VIEWS)
    for name in VIEW_NAMES:
        op.execute(f"ALTER VIEW audit.{name} OWNER TO meridian_owner")
        op.execute(f"GRANT SELECT ON audit.{name} TO meridian_audit, meridian_app, meridian_registrar")


def downgrade() -> None:
    """Take the views away; they hold no data."""
    for name in VIEW_NAMES:
        op.execute(f"DROP VIEW audit.{name}")
