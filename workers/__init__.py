"""The Celery workers; installed as `meridian.workers`."""
