"""How an address is known without being kept."""

import hashlib
import hmac


def digest(secret: bytes, email_key: str) -> str:
    """HMAC-SHA256 of an address's key under the tenant's secret, in hex; a plain hash could be guessed."""
    return hmac.new(secret, email_key.encode(), hashlib.sha256).hexdigest()
