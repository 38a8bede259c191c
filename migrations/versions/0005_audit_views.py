"""The audit schema: documented views, the only thing that `meridian_audit` reads."""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

VIEWS = """
CREATE VIEW audit.applications AS
SELECT a.ref AS application_ref, a.id AS application_id, a.product, a.applicant_id, a.received_at,
       g.id AS governing_id, g.stage AS governing_stage, g.outcome, g.decided_at AS governs_since,
       g.governs_because AS because,
       (SELECT count(*) FROM record.version w WHERE w.application_id = a.id) AS versions
FROM record.application a
JOIN LATERAL (
    SELECT * FROM record.version v WHERE v.application_id = a.id AND v.governs_because IS NOT NULL
    ORDER BY number DESC LIMIT 1
) g ON true;
COMMENT ON VIEW audit.applications IS 'One row an application, with the version that governs now.';
COMMENT ON COLUMN audit.applications.outcome IS 'Outcome of the governing version: approve, refer or decline.';
COMMENT ON COLUMN audit.applications.because IS 'Why that version governs.';
COMMENT ON COLUMN audit.applications.versions IS 'How many versions there are: fast, batch, review, correction.';

CREATE VIEW audit.decisions AS
SELECT v.id AS decision_id, a.ref AS application_ref, a.product, v.number, v.stage, v.outcome,
       v.number = (SELECT max(w.number) FROM record.version w
                   WHERE w.application_id = a.id AND w.governs_because IS NOT NULL) AS governs,
       v.pd, (d.document #>> '{score,points}')::integer AS points, d.document #>> '{score,band}' AS band,
       e.rung, d.document #>> '{score,model}' AS model, encode(v.model_sha256, 'hex') AS model_sha256,
       v.policy_version,
       ARRAY(SELECT jsonb_array_elements(d.document -> 'reasons') ->> 'code') AS reason_codes,
       encode(e.sha256, 'hex') AS evidence_sha256, a.received_at, v.decided_at, v.decided_by
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

CREATE VIEW audit.reasons AS
SELECT v.id AS decision_id, a.ref AS application_ref, v.stage, v.outcome, r.place, r.reason ->> 'code' AS code,
       r.reason ->> 'text' AS text, r.reason ->> 'source' AS source,
       (r.reason ->> 'contribution')::double precision AS contribution, v.decided_at
FROM record.version v
JOIN record.application a ON a.id = v.application_id
CROSS JOIN LATERAL jsonb_array_elements(v.document::jsonb -> 'reasons') WITH ORDINALITY AS r (reason, place);
COMMENT ON VIEW audit.reasons IS 'The principal reasons as frozen with each version, in their order.';
COMMENT ON COLUMN audit.reasons.source IS 'The component that gave it: policy, model, data or analyst.';
COMMENT ON COLUMN audit.reasons.contribution IS 'The model''s: share in the log-odds of default against the reference.';

CREATE VIEW audit.rule_results AS
SELECT v.id AS decision_id, a.ref AS application_ref, v.stage, v.policy_version, r.result ->> 'rule' AS rule,
       r.result ->> 'effect' AS effect, (r.result ->> 'value')::double precision AS value,
       (r.result ->> 'limit')::double precision AS "limit", (r.result ->> 'margin')::double precision AS margin,
       (r.result ->> 'hit')::boolean AS hit, v.decided_at
FROM record.version v
JOIN record.application a ON a.id = v.application_id
CROSS JOIN LATERAL jsonb_array_elements(v.document::jsonb #> '{policy,results}') AS r (result);
COMMENT ON VIEW audit.rule_results IS 'What every rule found for each version.';
COMMENT ON COLUMN audit.rule_results.hit IS 'True: the rule spoke; false: it did not; null: its value was not known.';
COMMENT ON COLUMN audit.rule_results.margin IS 'Distance to the limit in the value''s unit; negative where it hit.';

CREATE VIEW audit.evidence_sources AS
SELECT e.id AS evidence_id, a.ref AS application_ref, e.rung, s.source ->> 'name' AS source,
       s.source ->> 'status' AS status, (s.source ->> 'as_of')::timestamptz AS as_of,
       (s.source ->> 'known_at')::timestamptz AS known_at, (s.source ->> 'age_s')::double precision AS age_s,
       s.source ->> 'detail' AS detail, e.captured_at
FROM record.evidence e
JOIN record.application a ON a.id = e.application_id
CROSS JOIN LATERAL jsonb_array_elements(e.document::jsonb -> 'sources') AS s (source);
COMMENT ON VIEW audit.evidence_sources IS 'What each source gave, as of when, and how old it was.';
COMMENT ON COLUMN audit.evidence_sources.status IS 'fresh, stale, missing or failed.';

CREATE VIEW audit.evidence_features AS
SELECT e.id AS evidence_id, a.ref AS application_ref, f.name AS feature, s.source ->> 'name' AS source,
       (f.value #>> '{}')::double precision AS value,
       CASE WHEN f.value = 'null'::jsonb THEN 'missing' ELSE s.source ->> 'status' END AS status,
       (s.source ->> 'as_of')::timestamptz AS as_of, (s.source ->> 'known_at')::timestamptz AS known_at,
       (s.source ->> 'age_s')::double precision AS age_s, e.captured_at
FROM record.evidence e
JOIN record.application a ON a.id = e.application_id
CROSS JOIN LATERAL (SELECT e.document::jsonb AS document) d
CROSS JOIN LATERAL jsonb_array_elements(d.document -> 'sources') AS s (source)
CROSS JOIN LATERAL jsonb_each(d.document -> 'features' -> (s.source ->> 'name')) AS f (name, value);
COMMENT ON VIEW audit.evidence_features IS 'Every feature of every capture: value, source, as of when, how old.';
COMMENT ON COLUMN audit.evidence_features.feature IS 'The feature''s name.';
COMMENT ON COLUMN audit.evidence_features.value IS 'In the unit of the feature; null where it was not known.';
COMMENT ON COLUMN audit.evidence_features.status IS 'fresh or stale as its source; missing where it was not known.';

CREATE VIEW audit.policies AS
SELECT p.version AS policy_version, p.added_at, p.document::jsonb AS document
FROM record.policy p;
COMMENT ON VIEW audit.policies IS 'The terms that decisions were made by: rules, bands, prices, reason texts.';
COMMENT ON COLUMN audit.policies.added_at IS 'When a decision first needed it.';
COMMENT ON COLUMN audit.policies.document IS 'All of it, as JSON.';

CREATE VIEW audit.seal AS
SELECT s.number, s.sealed_at, length(s.leaves) / 49 AS rows, encode(s.root, 'hex') AS root,
       encode(s.previous, 'hex') AS previous, encode(s.sha256, 'hex') AS sha256, encode(s.key, 'hex') AS key,
       encode(s.signature, 'hex') AS signature
FROM record.seal s;
COMMENT ON VIEW audit.seal IS 'The seals over the record, each naming the one before; `meridian audit verify` checks.';
COMMENT ON COLUMN audit.seal.sealed_at IS 'When the batch was closed.';
COMMENT ON COLUMN audit.seal.rows IS 'How many rows of the record it covers.';
COMMENT ON COLUMN audit.seal.root IS 'Root of the Merkle tree (RFC 9162) over those rows'' hashes.';
COMMENT ON COLUMN audit.seal.previous IS 'sha256 of the seal before it.';
COMMENT ON COLUMN audit.seal.sha256 IS 'SHA-256 of its head: number, moment, rows, root, previous, key.';
COMMENT ON COLUMN audit.seal.key IS 'The public key (Ed25519) that signed it.';
COMMENT ON COLUMN audit.seal.signature IS 'Ed25519 over the head.';

CREATE VIEW audit.cases AS
SELECT c.id AS case_id, a.ref AS application_ref, a.product, c.because, c.state, c.opened_at, c.claimed_by,
       c.settled_by, c.settled_at
FROM work.review_case c
JOIN record.application a ON a.id = c.application_id;
COMMENT ON VIEW audit.cases IS 'Applications that went to a person, and what became of them.';

CREATE VIEW audit.jobs AS
SELECT j.id AS job_id, a.ref AS application_ref, j.state, j.attempts, j.error, j.created_at, j.done_at
FROM work.job j
JOIN record.application a ON a.id = j.application_id;
COMMENT ON VIEW audit.jobs IS 'Assessments asked for, made, and failed.';
"""

NAMES = (
    "applications",
    "decisions",
    "reasons",
    "rule_results",
    "evidence_sources",
    "evidence_features",
    "policies",
    "seal",
    "cases",
    "jobs",
)


def upgrade() -> None:
    """Make the views, owned by the schema's owner, readable by auditors and by the app."""
    op.execute(VIEWS)
    for name in NAMES:
        op.execute(f"ALTER VIEW audit.{name} OWNER TO meridian_owner")
    op.execute("GRANT SELECT ON ALL TABLES IN SCHEMA audit TO meridian_audit, meridian_app")


def downgrade() -> None:
    """Take the views away; they hold no data."""
    for name in NAMES:
        op.execute(f"DROP VIEW audit.{name}")
