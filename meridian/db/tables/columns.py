"""What all tables have in common."""

from __future__ import annotations

from sqlalchemy import DateTime, Dialect, LargeBinary, MetaData, TypeDecorator

metadata = MetaData()
Moment = DateTime(timezone=True)


class Hexadecimal(TypeDecorator[str]):
    """Bytes in the table, hexadecimal text in the code: a hash takes 32 bytes of a row and not 64."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> bytes | None:  # noqa: ARG002
        """Text to bytes."""
        return None if value is None else bytes.fromhex(value)

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        """Bytes to text."""
        return None if value is None else bytes(value).hex()
