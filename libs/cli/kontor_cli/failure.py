"""What a command tells a person instead of a traceback."""


class Failure(Exception):
    """A command cannot do its work; the message says why and what to do."""

    def __init__(self, message: str, remedy: str = "", *, details: str = "", code: int = 1) -> None:
        self.message, self.remedy, self.details, self.code = message, remedy, details, code
        super().__init__(f"{message} {remedy}".rstrip())
