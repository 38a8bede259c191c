"""Ids: version 7, unique, and rising with time."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

from meridian.identity import new_id


def test_an_id_is_a_version_7_uuid_of_now() -> None:
    before = time.time_ns() // 1_000_000
    made = new_id()
    assert (made.version, made.variant) == (7, "specified in RFC 4122")
    assert before <= made.int >> 80 <= time.time_ns() // 1_000_000


def test_ids_made_one_after_another_rise() -> None:
    """Also within a millisecond: a page of decisions keeps the order in which they were made."""
    made = [new_id() for _ in range(5000)]
    assert made == sorted(made)
    assert [str(one) for one in made] == sorted(str(one) for one in made)


def test_ids_of_many_threads_differ() -> None:
    with ThreadPoolExecutor(8) as pool:
        made = [one for part in pool.map(lambda _: [new_id() for _ in range(2000)], range(8)) for one in part]
    assert len(set(made)) == 16_000
