"""Why a file cannot be read."""

from kontor_crm_core.imports.codes import FileCode


class FileFault(Exception):
    """The file cannot be imported as it is; the message says what would help."""

    def __init__(self, code: FileCode, message: str, *, line: int | None = None) -> None:
        super().__init__(message if line is None else f"Line {line}: {message}")
        self.code = code
        self.message = str(self)
        self.line = line
