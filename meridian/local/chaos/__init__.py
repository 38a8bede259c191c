"""`meridian up --chaos`: sources fail in one way after the other, under a steady load, and everybody is answered.

It has a home of its own, with a lender that is made up, so that nothing of it mixes with anybody's record.
"""

from meridian.local.chaos.conclusion import conclude
from meridian.local.chaos.play import Plan, play, prepared
from meridian.local.chaos.view import Snapshot, live_view, show_summary

__all__ = ["Plan", "Snapshot", "conclude", "live_view", "play", "prepared", "show_summary"]
