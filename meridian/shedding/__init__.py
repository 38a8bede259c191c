"""Refusing at the door what could no longer be answered in time, so that the rest is.

`line` knows how long the waiting line is, `door` reads what stands before it, `worker` is the gunicorn worker that
asks both. Whoever runs Meridian on another server loses the refusals and nothing else.
"""

ARRIVED = "meridian.arrived"
"""Key in the WSGI environ: when the request could be read on its connection, in seconds of `time.monotonic()`."""
