"""The database schema, step by step: numbered, locked for a short time, and run by `meridian migrate`."""
