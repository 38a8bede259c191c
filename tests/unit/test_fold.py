"""One applicant's events folded in memory come to what the engine computes, to the last bit."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest

from meridian.features.engine import fields_at
from meridian.features.events import EventHistory, connect
from meridian.features.fold import fold
from tests.events import FACTS, SOURCE, START, STATES, history, write

PAIRS = 4_000
APPLICANTS = [f"applicant-{number:04d}" for number in range(300)]


@pytest.mark.parametrize("seed", [20, 21])
def test_it_gives_what_the_engine_gives(tmp_path: Path, seed: int) -> None:
    """Late, corrected, doubled, retracted and simultaneous events; every kind of aggregate and window."""
    random = Random(seed)
    told: dict[str, dict[str, list[dict[str, Any]]]] = defaultdict(lambda: {FACTS.name: [], STATES.name: []})
    for stream in (FACTS, STATES):
        events = history(random, APPLICANTS)
        write(tmp_path, stream, events)
        for event in events:
            told[event.applicant_id][stream.name].append(vars(event))
    applicants = [random.choice(APPLICANTS) for _ in range(PAIRS)]
    moments = [START + timedelta(minutes=random.randint(0, 60 * 24 * 120)) for _ in range(PAIRS)]
    cut_offs = np.array(moments, "datetime64[us]")
    vectors = fields_at(connect(), SOURCE, EventHistory(tmp_path), applicants, cut_offs)
    rows = vectors.rows()
    for place, (applicant, moment) in enumerate(zip(applicants, moments, strict=True)):
        folded = fold(SOURCE, told[applicant], moment)
        assert (folded is not None) == vectors.present[place]
        if folded is not None:
            np.testing.assert_array_equal(np.array(folded.values), rows[place])
            assert folded.newest_at == vectors.newest_at[place].item()
    assert 0.3 < vectors.present.mean() < 1


def test_a_stream_that_is_not_there_is_not_an_empty_one() -> None:
    with pytest.raises(KeyError):
        fold(SOURCE, {FACTS.name: []}, START)
    assert fold(SOURCE, {FACTS.name: [], STATES.name: []}, START) is None
