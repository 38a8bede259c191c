"""What must hold when all is over: nothing lost, nothing doubled, nothing invented, all of it assessed and sealed."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from meridian.record import Kind, Leaf
from meridian.record.seal import Seal
from tests.crash.installation import Installation
from tests.services import Answer

SHOWN = 5
"""So many keys are named of those for which something does not hold."""

RECORDED = """
SELECT a.idempotency_key AS key, a.ref,
       (SELECT count(*) FROM record.evidence e WHERE e.application_id = a.id) AS evidence,
       ARRAY(SELECT v.number FROM record.version v WHERE v.application_id = a.id ORDER BY v.number) AS numbers,
       ARRAY(SELECT v.stage FROM record.version v WHERE v.application_id = a.id ORDER BY v.number) AS stages,
       ARRAY(SELECT v.number FROM record.version v
             WHERE v.application_id = a.id AND v.governs_because = 'first decision') AS first_governs,
       (SELECT v.document FROM record.version v WHERE v.application_id = a.id AND v.number = 1) AS first,
       ARRAY(SELECT j.state FROM work.job j WHERE j.application_id = a.id) AS jobs,
       (SELECT count(*) FROM work.review_case c WHERE c.application_id = a.id) AS cases
FROM record.application a
"""
ROWS = " UNION ALL ".join(
    f"SELECT '{kind.value}' AS kind, id, row_sha256 FROM record.{kind.name.lower()}" for kind in Kind
)


@dataclass(frozen=True)
class Recorded:
    """An application as the record has it, and the work that belongs to it."""

    key: str
    ref: str
    evidence: int
    numbers: Sequence[int]
    stages: Sequence[str]
    first_governs: Sequence[int]
    first: str | None
    jobs: Sequence[str]
    cases: int

    @property
    def single(self) -> bool:
        """One capture; versions numbered 1 to n, the first of them fast, no other fast, and governing at first."""
        numbered = list(self.numbers) == list(range(1, len(self.numbers) + 1))
        fast = [number for number, stage in zip(self.numbers, self.stages, strict=True) if stage == "fast"]
        return numbered and fast == list(self.first_governs) == [1] and self.evidence == 1

    @property
    def assessed(self) -> bool:
        """By one job, that is done, and in one version."""
        return list(self.jobs) == ["done"] and list(self.stages).count("batch") == 1

    @property
    def waits_unseen(self) -> bool:
        """Referred, and yet on nobody's desk."""
        return self.first is not None and json.loads(self.first)["outcome"] == "refer" and self.cases != 1


def read_record(installation: Installation) -> list[Recorded]:
    """Every application there is."""
    return [Recorded(**row._mapping) for row in installation.query(RECORDED)]


def check_record(
    recorded: Sequence[Recorded], asked: Collection[str], acknowledged: Mapping[str, Answer]
) -> Iterator[str]:
    """What does not hold of the record, given the keys that were asked for and what was answered."""
    by_key = {one.key: one for one in recorded}
    missing = [key for key in acknowledged if key not in by_key]
    changed = [key for key, answer in acknowledged.items() if key in by_key and not _same(by_key[key], answer)]
    yield from named("of the acknowledged decisions are lost", missing, len(acknowledged))
    yield from named("are recorded with other bytes than were acknowledged", changed, len(acknowledged))
    of = len(recorded)
    again = [key for key, times in Counter(one.key for one in recorded).items() if times > 1]
    yield from named("keys have more than one application", again, of)
    yield from named("are doubled or have gaps", [one.key for one in recorded if not one.single], of)
    strangers = [one.key for one in recorded if one.key not in asked or one.key != f"key-{one.ref}"]
    yield from named("were never asked for", strangers, of)
    yield from named("were not assessed exactly once", [one.key for one in recorded if not one.assessed], of)
    yield from named("are referred without a case", [one.key for one in recorded if one.waits_unseen], of)


def check_replays(acknowledged: Mapping[str, Answer], again: Mapping[str, Answer | str]) -> Iterator[str]:
    """What does not hold of the answers to one more call under each key."""
    other, unmarked = [], []
    for key, answer in again.items():
        if isinstance(answer, str) or answer.body != acknowledged[key].body:
            other.append(key)
        elif answer.headers.get("idempotent-replayed") != "true":
            unmarked.append(key)
    yield from named("retries got another answer than the first", other, len(again))
    yield from named("retries got an answer that is not marked as replayed", unmarked, len(again))


def check_seals(installation: Installation) -> Iterator[str]:
    """What does not hold of the seals: every row in exactly one of them, and nothing that is no row."""
    (waiting,) = installation.query("SELECT count(*) FROM work.unsealed")
    if waiting.count:
        yield f"{waiting.count} commits wait unsealed"
    rows = {(row.kind, row.id, bytes(row.row_sha256)) for row in installation.query(ROWS)}
    seals = installation.query("SELECT leaves FROM record.seal ORDER BY number")
    leaves = Counter(Leaf.unpacked(one) for seal in seals for one in Seal.leaves_in(bytes(seal.leaves)))
    sealed = {(leaf.kind.value, leaf.id, leaf.sha256) for leaf in leaves}
    yield from named("rows are in no seal", _ids(rows - sealed), len(rows))
    yield from named("sealed rows are not there", _ids(sealed - rows), len(sealed))
    twice = [f"{leaf.kind.value} {leaf.id}" for leaf, times in leaves.items() if times > 1]
    yield from named("rows are sealed more than once", twice, len(rows))


def check_audit(installation: Installation) -> Iterator[str]:
    """What `meridian audit verify` finds, from the outside."""
    verify = [sys.executable, "-m", "meridian.cli", "audit", "verify"]
    done = subprocess.run(verify, env=installation.service.env, capture_output=True, text=True, check=False)
    if done.returncode:
        yield f"`meridian audit verify` ends with {done.returncode}: {done.stdout[-2000:]}{done.stderr[-2000:]}"


def named(what: str, which: Collection[str], of: int) -> Iterator[str]:
    """A sentence about these, if there are any."""
    if which:
        some = ", ".join(sorted(which)[:SHOWN])
        yield f"{len(which)} of {of} {what}: {some}{', ...' if len(which) > SHOWN else ''}"


def _same(recorded: Recorded, answer: Answer) -> bool:
    return recorded.first is not None and recorded.first.encode() == answer.body


def _ids(rows: Collection[tuple[str, object, bytes]]) -> list[str]:
    return [f"{kind} {row_id}" for kind, row_id, _ in rows]
