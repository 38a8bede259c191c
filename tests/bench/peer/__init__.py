"""The peer: what one would write without Meridian, with the libraries that one would take.

FastAPI, pydantic, XGBoost, shap and the SQLAlchemy ORM, each used as its own documentation does, with the same
compact model. It has no policy engine, no API keys, no idempotency, no look-up of history, no evidence that could be
replayed; it reads the same applications, gives the same probability (the benchmark compares them), writes rows of
the same size and commits before it replies.
"""
