"""Backtests of policies, kept with the policy's hash; without one nobody signs for a policy, and none decides."""

from __future__ import annotations

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

TABLE = """
CREATE TABLE registry.backtest (
    id uuid PRIMARY KEY,
    product text NOT NULL,
    policy_sha256 bytea NOT NULL,
    -- Beside which policy it was looked at: of the registry, or of the product's folder.
    against_sha256 bytea NOT NULL CHECK (length(against_sha256) = 32),
    decisions bigint NOT NULL CHECK (decisions > 0),
    document jsonb NOT NULL CHECK (jsonb_typeof(document) = 'object'),
    made_by text NOT NULL REFERENCES access.analyst,
    made_at timestamptz NOT NULL DEFAULT now(),
    FOREIGN KEY (policy_sha256, product) REFERENCES registry.policy (sha256, product)
);
CREATE INDEX backtest_of ON registry.backtest (policy_sha256, made_at);
COMMENT ON TABLE registry.backtest IS 'What a policy would have decided of past applications.';
"""

MOMENT = """
CREATE FUNCTION registry.note_backtest() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.made_at := clock_timestamp();
    RETURN NEW;
END $$;
CREATE TRIGGER backtest_moment BEFORE INSERT ON registry.backtest
    FOR EACH ROW EXECUTE FUNCTION registry.note_backtest();
"""

# Triggers of their own, beside those that look at signatures: each says one thing. They fire in the order of their
# names, and these come last.
GATES = """
CREATE FUNCTION registry.check_backtest_seen() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM registry.policy_submission s
                   JOIN registry.backtest b ON b.policy_sha256 = s.policy_sha256
                   WHERE s.id = NEW.submission_id) THEN
        RAISE EXCEPTION USING ERRCODE = 'MR006', MESSAGE = 'no backtest of this very policy was kept';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER policy_approval_knows_backtest BEFORE INSERT ON registry.policy_approval
    FOR EACH ROW EXECUTE FUNCTION registry.check_backtest_seen();

CREATE FUNCTION registry.check_backtest_current() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    before bytea;
BEGIN
    -- What goes back was looked at when it came; what was dropped before it came never decided.
    IF NEW.back THEN
        IF NOT EXISTS (SELECT FROM registry.policy_change c WHERE c.product = NEW.product
                       AND c.policy_sha256 = NEW.policy_sha256 AND c.effective_at <= clock_timestamp()) THEN
            RAISE EXCEPTION USING ERRCODE = 'MR003', MESSAGE = 'the policy never was what it is to be again';
        END IF;
        RETURN NEW;
    END IF;
    SELECT c.policy_sha256 INTO before FROM registry.policy_change c
    WHERE c.product = NEW.product AND c.effective_at <= NEW.effective_at ORDER BY c.number DESC LIMIT 1;
    IF before IS NOT DISTINCT FROM NEW.policy_sha256 THEN
        RETURN NEW;
    END IF;
    IF NOT EXISTS (SELECT FROM registry.backtest b WHERE b.policy_sha256 = NEW.policy_sha256
                   AND (before IS NULL OR b.against_sha256 = before)) THEN
        RAISE EXCEPTION USING ERRCODE = 'MR006',
            MESSAGE = 'no backtest of it was kept beside the policy in whose place it comes';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER policy_change_was_backtested BEFORE INSERT ON registry.policy_change
    FOR EACH ROW EXECUTE FUNCTION registry.check_backtest_current();
"""

GRANTS = """
ALTER TABLE registry.backtest OWNER TO meridian_owner;
ALTER FUNCTION registry.note_backtest OWNER TO meridian_owner;
ALTER FUNCTION registry.check_backtest_seen OWNER TO meridian_owner;
ALTER FUNCTION registry.check_backtest_current OWNER TO meridian_owner;
REVOKE ALL ON FUNCTION registry.note_backtest, registry.check_backtest_seen, registry.check_backtest_current
    FROM PUBLIC;
GRANT SELECT ON registry.backtest TO meridian_app, meridian_analyst, meridian_registrar;
GRANT INSERT ON registry.backtest TO meridian_registrar;
-- At the desk people put policies forward and sign for them; to have one decide, and to keep a backtest, is done by a
-- login that no process has which answers callers.
GRANT INSERT ON registry.policy, registry.policy_submission, registry.policy_approval TO meridian_analyst;
"""

VIEW = """
CREATE VIEW audit.policy_backtests AS
SELECT b.id AS backtest_id, b.product, p.version AS policy_version, encode(b.against_sha256, 'hex') AS against_sha256,
       b.decisions, b.made_by, b.made_at, b.document
FROM registry.backtest b
JOIN registry.policy p ON p.sha256 = b.policy_sha256;
COMMENT ON VIEW audit.policy_backtests IS 'What a policy would have decided of past applications, before it decided.';
COMMENT ON COLUMN audit.policy_backtests.backtest_id IS 'A policy may be tried more than once.';
COMMENT ON COLUMN audit.policy_backtests.against_sha256 IS 'The hash of the policy that it was held beside.';
COMMENT ON COLUMN audit.policy_backtests.decisions IS 'How many past applications were judged by both.';
COMMENT ON COLUMN audit.policy_backtests.made_by IS 'Who kept it.';
COMMENT ON COLUMN audit.policy_backtests.made_at IS 'When that was.';
COMMENT ON COLUMN audit.policy_backtests.document IS 'All that was found.';
ALTER VIEW audit.policy_backtests OWNER TO meridian_owner;
GRANT SELECT ON audit.policy_backtests TO meridian_audit, meridian_app, meridian_registrar;
"""


def upgrade() -> None:
    """Make everything."""
    for part in (TABLE, MOMENT, GATES, GRANTS, VIEW):
        op.execute(part)


def downgrade() -> None:
    """Take it away; policies that were signed for stay so."""
    op.execute("DROP VIEW audit.policy_backtests")
    op.execute(
        "REVOKE INSERT ON registry.policy, registry.policy_submission, registry.policy_approval FROM meridian_analyst"
    )
    op.execute("DROP TRIGGER policy_change_was_backtested ON registry.policy_change")
    op.execute("DROP TRIGGER policy_approval_knows_backtest ON registry.policy_approval")
    op.execute("DROP TABLE registry.backtest")
    for function in ("note_backtest", "check_backtest_seen", "check_backtest_current"):
        op.execute(f"DROP FUNCTION registry.{function}")
