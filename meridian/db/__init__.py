"""PostgreSQL: the only truth. All SQL of the service stands in this package."""
