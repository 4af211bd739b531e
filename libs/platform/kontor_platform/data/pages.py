"""Cursors of keyset pages: where the last page ended, signed so that nobody can make one up."""

import base64
import hashlib
import hmac
import json
from collections.abc import Sequence

from kontor_platform.contract.problem import JSON, CursorInvalid

SIGNATURE_BYTES = 16


class Cursors:
    """Signs and reads cursors; a cursor works for the scope it was made for and for no other."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def encode(self, values: Sequence[JSON], scope: str) -> str:
        """The cursor after the row with these sort values; the scope names tool, tenant and filter."""
        body = json.dumps(list(values), separators=(",", ":")).encode()
        return base64.urlsafe_b64encode(self._sign(body, scope) + body).decode().rstrip("=")

    def decode(self, cursor: str, scope: str) -> list[JSON]:
        """The sort values in a cursor; raises CursorInvalid for a forged one or one of another scope."""
        try:
            raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        except ValueError as error:
            raise CursorInvalid(field="cursor") from error
        signature, body = raw[:SIGNATURE_BYTES], raw[SIGNATURE_BYTES:]
        if not hmac.compare_digest(signature, self._sign(body, scope)):
            raise CursorInvalid(field="cursor")
        values: list[JSON] = json.loads(body)
        return values

    def _sign(self, body: bytes, scope: str) -> bytes:
        digest = hmac.new(self._secret, scope.encode() + b"\0" + body, hashlib.sha256).digest()
        return digest[:SIGNATURE_BYTES]
