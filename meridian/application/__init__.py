"""What an applicant asks for: typed, validated, and refused with the field's name when it cannot be read."""

from meridian.application.parse import parse_request
from meridian.application.schema import Application, DecisionRequest, month_index

__all__ = ["Application", "DecisionRequest", "month_index", "parse_request"]
