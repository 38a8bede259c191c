"""The HTTP API: each route parses, calls one use case, presents."""

from meridian.api.register import register_api

__all__ = ["register_api"]
