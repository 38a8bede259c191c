"""Where the fast answer and its assessment differ: for auditors, an application a row."""

from __future__ import annotations

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

DISAGREEMENTS = """
CREATE VIEW audit.disagreements AS
SELECT a.ref AS application_ref, a.product, f.decided_at, f.outcome AS fast_outcome, b.outcome AS assessed_outcome,
       f.pd AS fast_pd, b.pd AS assessed_pd,
       ARRAY(SELECT jsonb_array_elements(h.document::jsonb -> 'reasons') ->> 'code') AS reason_codes,
       g.outcome, g.stage AS governing_stage, c.state AS case_state, c.settled_by
FROM record.version f
JOIN record.application a ON a.id = f.application_id
JOIN LATERAL (
    SELECT * FROM record.version v WHERE v.application_id = f.application_id AND v.stage = 'batch'
    ORDER BY v.number LIMIT 1
) b ON true
JOIN LATERAL (
    SELECT * FROM record.version v WHERE v.application_id = f.application_id AND v.governs_because IS NOT NULL
    ORDER BY v.number DESC LIMIT 1
) g ON true
CROSS JOIN LATERAL (
    SELECT CASE WHEN f.outcome = 'decline' OR b.outcome = 'approve' THEN f.document ELSE b.document END AS document
) h
LEFT JOIN work.review_case c ON c.application_id = f.application_id
WHERE f.number = 1 AND f.stage = 'fast' AND f.outcome <> b.outcome;
COMMENT ON VIEW audit.disagreements IS 'Applications of which the fast answer and its assessment differ.';
COMMENT ON COLUMN audit.disagreements.decided_at IS 'When the fast answer was given.';
COMMENT ON COLUMN audit.disagreements.fast_outcome IS 'What the caller was answered.';
COMMENT ON COLUMN audit.disagreements.assessed_outcome IS 'What the batch model says on the same evidence.';
COMMENT ON COLUMN audit.disagreements.fast_pd IS 'Probability of default, 0 to 1, of the fast answer.';
COMMENT ON COLUMN audit.disagreements.assessed_pd IS 'The same of the assessment.';
COMMENT ON COLUMN audit.disagreements.reason_codes IS 'The principal reasons of whichever of the two is harsher.';
COMMENT ON COLUMN audit.disagreements.outcome IS 'What governs now.';
COMMENT ON COLUMN audit.disagreements.case_state IS 'Of the case that it led to; null where it led to none.';
"""


def upgrade() -> None:
    """Make the view."""
    op.execute(DISAGREEMENTS)
    op.execute("ALTER VIEW audit.disagreements OWNER TO meridian_owner")
    op.execute("GRANT SELECT ON audit.disagreements TO meridian_audit, meridian_app, meridian_worker")


def downgrade() -> None:
    """Take it away; both versions stay in the record."""
    op.execute("DROP VIEW audit.disagreements")
