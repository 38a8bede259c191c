"""The last score of each applicant and product, for when a source is away; and what auditors see of its use."""

from __future__ import annotations

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

SCORE = """
CREATE TABLE online.score (
    applicant_id text NOT NULL,
    product text NOT NULL,
    scored_at timestamptz NOT NULL,
    pd double precision NOT NULL CHECK (pd BETWEEN 0 AND 1),
    points bigint NOT NULL,
    model text NOT NULL,
    model_sha256 bytea NOT NULL CHECK (length(model_sha256) = 32),
    evidence_sha256 bytea NOT NULL CHECK (length(evidence_sha256) = 32),
    rule_values jsonb NOT NULL CHECK (jsonb_typeof(rule_values) = 'object'),
    amount double precision NOT NULL CHECK (amount >= 0),
    PRIMARY KEY (applicant_id, product)
) WITH (fillfactor = 80);
COMMENT ON TABLE online.score IS 'The newest assessment of an applicant for a product, made with no source away.';
COMMENT ON COLUMN online.score.scored_at IS 'When the evidence that was scored was captured: what its age counts from.';
COMMENT ON COLUMN online.score.pd IS 'Calibrated probability of default, 0 to 1.';
COMMENT ON COLUMN online.score.points IS 'The same as points.';
COMMENT ON COLUMN online.score.model IS 'Name of the batch model that scored.';
COMMENT ON COLUMN online.score.model_sha256 IS 'Its hash: the score is used while that model is.';
COMMENT ON COLUMN online.score.evidence_sha256 IS 'Hash of the evidence that was scored.';
COMMENT ON COLUMN online.score.rule_values IS 'What the policy''s rules read, by feature; null where not known.';
COMMENT ON COLUMN online.score.amount IS 'What was asked for then; more than that was never assessed.';
"""

DECISIONS = """
CREATE OR REPLACE VIEW audit.decisions AS
SELECT v.id AS decision_id, a.ref AS application_ref, a.product, v.number, v.stage, v.outcome,
       v.number = (SELECT max(w.number) FROM record.version w
                   WHERE w.application_id = a.id AND w.governs_because IS NOT NULL) AS governs,
       v.pd, (d.document #>> '{score,points}')::integer AS points, d.document #>> '{score,band}' AS band,
       e.rung, d.document #>> '{score,model}' AS model, encode(v.model_sha256, 'hex') AS model_sha256,
       v.policy_version,
       ARRAY(SELECT jsonb_array_elements(d.document -> 'reasons') ->> 'code') AS reason_codes,
       encode(e.sha256, 'hex') AS evidence_sha256, a.received_at, v.decided_at, v.decided_by{more}
FROM record.version v
JOIN record.application a ON a.id = v.application_id
JOIN record.evidence e ON e.application_id = v.application_id AND e.id = v.evidence_id
CROSS JOIN LATERAL (SELECT v.document::jsonb AS document) d;
COMMENT ON VIEW audit.decisions IS 'Every version of every decision: fast, batch, review, correction.';
COMMENT ON COLUMN audit.decisions.governs IS 'Whether this version is the one that counts now.';
COMMENT ON COLUMN audit.decisions.pd IS 'Calibrated probability of default, 0 to 1; null where no model could score.';
COMMENT ON COLUMN audit.decisions.points IS 'The same as points: 600 is odds of 50 to 1, 20 more double the odds.';
COMMENT ON COLUMN audit.decisions.rung IS 'Rung of the degradation ladder: 0 full evidence to 4 policy only.';
COMMENT ON COLUMN audit.decisions.model IS 'The model that scored; null where none could.';
COMMENT ON COLUMN audit.decisions.model_sha256 IS 'The model in hand, also where it could not score.';
COMMENT ON COLUMN audit.decisions.decided_by IS 'The service and the version of its code, or a person.';
"""
DECISIONS_MORE = """,
       (d.document #>> '{score,scored_at}')::timestamptz AS scored_at"""

RULE_RESULTS = """
CREATE OR REPLACE VIEW audit.rule_results AS
SELECT v.id AS decision_id, a.ref AS application_ref, v.stage, v.policy_version, r.result ->> 'rule' AS rule,
       r.result ->> 'effect' AS effect, (r.result ->> 'value')::double precision AS value,
       (r.result ->> 'limit')::double precision AS "limit", (r.result ->> 'margin')::double precision AS margin,
       (r.result ->> 'hit')::boolean AS hit, v.decided_at{more}
FROM record.version v
JOIN record.application a ON a.id = v.application_id
CROSS JOIN LATERAL jsonb_array_elements(v.document::jsonb #> '{policy,results}') AS r (result);
COMMENT ON VIEW audit.rule_results IS 'What every rule found for each version.';
COMMENT ON COLUMN audit.rule_results.hit IS 'True: the rule spoke; false: it did not; null: its value was not known.';
COMMENT ON COLUMN audit.rule_results.margin IS 'Distance to the limit in the value''s unit; negative where it hit.';
"""
RULE_RESULTS_MORE = """,
       coalesce((r.result ->> 'earlier')::boolean, false) AS earlier"""

MEANINGS = """
COMMENT ON COLUMN audit.decisions.model_sha256 IS
    'The model in hand, also where it could not score; on rung 2 the one that made the earlier score.';
COMMENT ON COLUMN audit.decisions.scored_at IS 'As of when an earlier score is that decided (rung 2); null elsewhere.';
COMMENT ON COLUMN audit.rule_results.earlier IS
    'True: the value is an earlier assessment''s, because it was not known; where that hits, the rule refers.';
"""


def upgrade() -> None:
    """Make the table, which workers write and who decides reads, and show its use."""
    op.execute(SCORE)
    op.execute("ALTER TABLE online.score OWNER TO meridian_owner")
    op.execute("GRANT SELECT ON online.score TO meridian_app, meridian_worker")
    op.execute("GRANT INSERT, UPDATE ON online.score TO meridian_worker")
    op.execute(DECISIONS.replace("{more}", DECISIONS_MORE))
    op.execute(RULE_RESULTS.replace("{more}", RULE_RESULTS_MORE))
    op.execute(MEANINGS)


def downgrade() -> None:
    """Take it away; what was decided by it stays in the record."""
    for name, view in (("decisions", DECISIONS), ("rule_results", RULE_RESULTS)):
        op.execute(f"DROP VIEW audit.{name}")
        op.execute(view.replace("{more}", ""))
        op.execute(f"ALTER VIEW audit.{name} OWNER TO meridian_owner")
        op.execute(f"GRANT SELECT ON audit.{name} TO meridian_audit, meridian_app")
    op.execute("DROP TABLE online.score")
