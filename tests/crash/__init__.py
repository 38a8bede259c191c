"""The crash test's parts: an installation of its own, callers that never give up, victims, and what must hold then."""
