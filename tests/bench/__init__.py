"""The benchmark: Meridian beside what one would write instead and beside what the machine can do at all.

`make bench` runs it. Everything is measured in one run, in rounds, on one PostgreSQL, with one and the same client,
so that a figure means something next to the others on whatever machine it is. No test depends on it.
"""
