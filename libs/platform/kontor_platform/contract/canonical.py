"""The one form of a request or a description that is hashed."""

import hashlib
import json

import rfc8785
from protobuf import Message


def canonical(message: Message) -> bytes:
    """The RFC 8785 form of a message without the values nobody set."""
    return rfc8785.dumps(json.loads(message.to_json()))


def arguments_hash(message: Message) -> str:
    """SHA-256 in hex of a message's canonical form."""
    return hashlib.sha256(canonical(message)).hexdigest()


def fingerprint(value: object) -> str:
    """SHA-256 in hex of the RFC 8785 form of a JSON value."""
    return hashlib.sha256(rfc8785.dumps(value)).hexdigest()  # type: ignore[arg-type]
