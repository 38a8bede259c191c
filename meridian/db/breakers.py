"""The shared states of the breakers: each change one statement, on the database's clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Engine, text

from meridian.db.engine import transaction
from meridian.sources import Shared

READ = text("""
SELECT name, state = 'open' AS is_open, generation,
       coalesce(greatest(0, extract(epoch FROM rest_until - clock_timestamp())), 0) AS rest_s,
       coalesce(greatest(0, extract(epoch FROM probe_until - clock_timestamp())), 0) AS lease_s
FROM online.breaker WHERE name = ANY(:names)""")
ADD = text("""
INSERT INTO online.breaker (name, state, generation, changed_at)
SELECT unnest(CAST(:names AS text[])), 'closed', 0, clock_timestamp() ON CONFLICT (name) DO NOTHING""")
TURN = text("""
UPDATE online.breaker
SET state = CASE WHEN :is_open THEN 'open' ELSE 'closed' END, generation = generation + 1,
    rest_until = CASE WHEN :is_open THEN clock_timestamp() + make_interval(secs => :rest_s) END,
    probe_until = NULL, probe_by = NULL, changed_at = clock_timestamp()
WHERE name = :name AND generation = :generation
RETURNING generation""")
# Who waits for the row meanwhile is judged by what stands there afterwards: of several that ask, one is given it.
LEASE = text("""
UPDATE online.breaker
SET generation = generation + 1, probe_until = clock_timestamp() + make_interval(secs => :lease_s), probe_by = :by,
    changed_at = clock_timestamp()
WHERE name = :name AND state = 'open' AND rest_until <= clock_timestamp()
      AND (probe_until IS NULL OR probe_until <= clock_timestamp())
RETURNING generation""")


@dataclass(frozen=True)
class PostgresBreakers:
    """The table `online.breaker`. The engine has a statement time-out, and one connection is enough."""

    engine: Engine

    def read(self, names: Sequence[str]) -> Mapping[str, Shared]:
        """All states; a name that was not there is closed from now on."""
        with transaction(self.engine) as connection:
            rows = connection.execute(READ, {"names": list(names)}).all()
            if len(rows) < len(names):
                connection.execute(ADD, {"names": sorted({*names} - {row.name for row in rows})})
                rows = connection.execute(READ, {"names": list(names)}).all()
        return {row.name: Shared(row.is_open, row.generation, float(row.rest_s), float(row.lease_s)) for row in rows}

    def turn(self, name: str, generation: int, *, is_open: bool, rest_s: float) -> int | None:
        """Put another state in the place of that generation, and say the new one; None: others were faster."""
        with transaction(self.engine) as connection:
            found: int | None = connection.scalar(
                TURN, {"name": name, "generation": generation, "is_open": is_open, "rest_s": rest_s}
            )
        return found

    def lease(self, name: str, by: str, lease_s: float) -> int | None:
        """Take the probe of an open one whose rest is over, unless it is somebody's, and say the new generation."""
        with transaction(self.engine) as connection:
            found: int | None = connection.scalar(LEASE, {"name": name, "by": by, "lease_s": lease_s})
        return found
