"""The feature store beside what else can do a part of its work: joins at points in time, online reads, materialisation.

`python -m tests.bench.features` runs it, and so does `make bench`. All is measured in one run, in rounds, on inputs
that are made for it from a fixed seed and gone afterwards.
"""
