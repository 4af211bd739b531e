"""What is wrong with one cell or row, as the report and the error file tell it."""

from dataclasses import dataclass

from kontor_platform.contract.problem import JSON

LONGEST_VALUE = 200


@dataclass(frozen=True, slots=True)
class Problem:
    """A code with the column it stands in, the value as given, what would help; a warning does not cost the row."""

    code: str
    message: str
    column: str = ""
    index: int | None = None
    value: str = ""
    suggestion: str = ""
    is_warning: bool = False

    def to_json(self) -> JSON:
        """The problem as it is kept beside its row."""
        return [
            self.code,
            self.message,
            self.column,
            self.index,
            self.value[:LONGEST_VALUE],
            self.suggestion,
            self.is_warning,
        ]


def problem_of(kept: list[object]) -> Problem:
    """A problem that was kept beside its row."""
    code, message, column, index, value, suggestion, is_warning = kept
    at = index if isinstance(index, int) else None
    return Problem(str(code), str(message), str(column), at, str(value), str(suggestion), bool(is_warning))
