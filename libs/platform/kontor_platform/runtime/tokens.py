"""Passports and grants: EdDSA tokens (RFC 7519, RFC 8037) whose type, issuer and key set are checked together."""

import hashlib
import json
import os
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from jwt.algorithms import OKPAlgorithm

from kontor_platform.contract.problem import ApprovalInvalid, Unauthenticated
from kontor_platform.runtime.principal import Principal, TenantSettings

ALGORITHM = "EdDSA"
PASSPORT_TYPE, PASSPORT_ISSUER, PASSPORT_AUDIENCE = "kontor-passport+jwt", "kontor/crm-governance", "kontor"
GRANT_TYPE, GRANT_ISSUER = "kontor-grant+jwt", "kontor/mcp-gateway"
PASSPORT_TTL_S = 300
GRANT_TTL_S = 60
LEEWAY_S = 30
VERDICT_TTL_S = 60
MAX_VERDICTS = 10_000
MAX_TOKEN_CHARACTERS = 8_192


class KeySet:
    """The public keys of a JWKS file (RFC 7517), read again when a token names a key that is not known."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read_at: tuple[int, int] = (0, 0)
        self._keys: Mapping[str, Ed25519PublicKey] = {}

    def key(self, kid: str) -> Ed25519PublicKey:
        """The key of that id; raises KeyError if the file has none."""
        if kid not in self._keys:
            self._reread()
        return self._keys[kid]

    def _reread(self) -> None:
        state = self._path.stat()
        if (state.st_mtime_ns, state.st_ino) == self._read_at:
            return
        self._read_at = (state.st_mtime_ns, state.st_ino)
        keys = json.loads(self._path.read_text())["keys"]
        self._keys = {entry["kid"]: public_key(entry) for entry in keys}


def public_key(entry: Mapping[str, Any]) -> Ed25519PublicKey:
    """The public half of a JWK; raises ValueError for any other kind of key."""
    key = OKPAlgorithm.from_jwk(json.dumps({name: entry[name] for name in ("kty", "crv", "x")}))
    if not isinstance(key, Ed25519PublicKey):
        raise ValueError("a key of the set is not Ed25519")
    return key


class Signer:
    """Signs tokens of one type with a private JWK."""

    def __init__(self, private_jwk: Path, kind: str, issuer: str) -> None:
        entry = json.loads(private_jwk.read_text())
        key = OKPAlgorithm.from_jwk(json.dumps(entry))
        if not isinstance(key, Ed25519PrivateKey):
            raise ValueError(f"{private_jwk.name} holds no private Ed25519 key")
        self._key, self._kid, self._kind, self._issuer = key, entry["kid"], kind, issuer

    def sign(self, claims: Mapping[str, Any], ttl_s: int) -> str:
        """A token with these claims that lives for so many seconds."""
        now = int(time.time())
        whole = {**claims, "iss": self._issuer, "iat": now, "exp": now + ttl_s}
        return jwt.encode(whole, self._key, algorithm=ALGORITHM, headers={"kid": self._kid, "typ": self._kind})


def verified(token: str, keys: KeySet, kind: str, issuer: str, audience: str) -> dict[str, Any]:
    """The claims of a token; raises jwt.InvalidTokenError unless type, key, issuer, audience and times all fit."""
    if len(token) > MAX_TOKEN_CHARACTERS:
        raise jwt.InvalidTokenError("the token is too long")
    header = jwt.get_unverified_header(token)
    if header.get("typ") != kind:
        raise jwt.InvalidTokenError("the token is of another type")
    try:
        key = keys.key(str(header.get("kid")))
    except KeyError as error:
        raise jwt.InvalidTokenError("the token names an unknown key") from error
    claims: dict[str, Any] = jwt.decode(
        token,
        key,
        algorithms=[ALGORITHM],
        issuer=issuer,
        audience=audience,
        leeway=LEEWAY_S,
        options={"require": ["exp", "iat", "iss", "aud"]},
    )
    return claims


class PassportSigner:
    """Signs passports; crm-governance alone holds the key."""

    def __init__(self, private_jwk: Path) -> None:
        self._signer = Signer(private_jwk, PASSPORT_TYPE, PASSPORT_ISSUER)

    def sign(self, principal: Principal, ttl_s: int = PASSPORT_TTL_S) -> str:
        """A passport for the principal, at most five minutes long."""
        claims = {
            "aud": PASSPORT_AUDIENCE,
            "sub": str(principal.actor),
            "tenant": str(principal.tenant),
            "slug": principal.slug,
            "kind": principal.kind,
            "roles": sorted(principal.roles),
            "door": principal.door,
            "key": principal.key,
            "on_behalf_of": str(principal.on_behalf_of) if principal.on_behalf_of else None,
            "name": principal.name,
            "settings": asdict(principal.settings),
        }
        return self._signer.sign(claims, min(ttl_s, PASSPORT_TTL_S))


class PassportVerifier:
    """Verifies passports against the published keys and keeps each verdict for up to a minute."""

    def __init__(self, keys: KeySet) -> None:
        self._keys = keys
        self._verdicts: dict[bytes, tuple[float, Principal]] = {}

    def verify(self, token: str) -> Principal:
        """The principal of a passport; raises Unauthenticated."""
        digest = hashlib.sha256(token.encode()).digest()
        known = self._verdicts.get(digest)
        if known and known[0] > time.time():
            return known[1]
        try:
            claims = verified(token, self._keys, PASSPORT_TYPE, PASSPORT_ISSUER, PASSPORT_AUDIENCE)
            principal = principal_of(claims)
        except (jwt.InvalidTokenError, KeyError, TypeError, ValueError) as error:
            raise Unauthenticated from error
        self._keep(digest, min(claims["exp"] + LEEWAY_S, time.time() + VERDICT_TTL_S), principal)
        return principal

    def _keep(self, digest: bytes, until: float, principal: Principal) -> None:
        if len(self._verdicts) >= MAX_VERDICTS:
            self._verdicts.clear()
        self._verdicts[digest] = (until, principal)


def principal_of(claims: Mapping[str, Any]) -> Principal:
    """The principal a passport's claims tell of."""
    return Principal(
        tenant=UUID(claims["tenant"]),
        slug=claims["slug"],
        actor=UUID(claims["sub"]),
        kind=claims["kind"],
        roles=frozenset(claims["roles"]),
        door=claims["door"],
        key=claims["key"],
        on_behalf_of=UUID(claims["on_behalf_of"]) if claims.get("on_behalf_of") else None,
        name=claims.get("name", ""),
        settings=TenantSettings(**claims["settings"]),
    )


@dataclass(frozen=True, slots=True)
class Grant:
    """An approval as the service sees it: one call, its exact arguments, a minute's time."""

    jti: str
    audience: str
    tenant: UUID
    actor: UUID
    tool: str
    arguments: str
    fingerprint: str
    level: int
    records: tuple[tuple[str, int], ...]
    idempotency_key: str


class GrantSigner:
    """Signs grants; the gateway alone holds the key."""

    def __init__(self, private_jwk: Path) -> None:
        self._signer = Signer(private_jwk, GRANT_TYPE, GRANT_ISSUER)

    def sign(self, grant: Grant, ttl_s: int = GRANT_TTL_S) -> str:
        """A grant for one call, one minute long."""
        claims = {
            "jti": grant.jti,
            "aud": grant.audience,
            "tenant": str(grant.tenant),
            "sub": str(grant.actor),
            "tool": grant.tool,
            "arguments": grant.arguments,
            "fingerprint": grant.fingerprint,
            "level": grant.level,
            "records": [list(pair) for pair in grant.records],
            "idempotency_key": grant.idempotency_key,
        }
        return self._signer.sign(claims, min(ttl_s, GRANT_TTL_S))


class GrantVerifier:
    """Verifies the grants made out to one service."""

    def __init__(self, keys: KeySet, audience: str) -> None:
        self._keys, self._audience = keys, audience

    def verify(self, token: str) -> Grant:
        """The grant in a token; raises ApprovalInvalid."""
        try:
            claims = verified(token, self._keys, GRANT_TYPE, GRANT_ISSUER, self._audience)
            return Grant(
                jti=claims["jti"],
                audience=self._audience,
                tenant=UUID(claims["tenant"]),
                actor=UUID(claims["sub"]),
                tool=claims["tool"],
                arguments=claims["arguments"],
                fingerprint=claims["fingerprint"],
                level=int(claims["level"]),
                records=tuple((str(record), int(version)) for record, version in claims["records"]),
                idempotency_key=claims["idempotency_key"],
            )
        except (jwt.InvalidTokenError, KeyError, TypeError, ValueError) as error:
            raise ApprovalInvalid from error


def generate_key_pair(private: Path, public: Path, kid: str) -> None:
    """Makes an Ed25519 pair: a private JWK readable by its owner alone, and a JWKS file with the public half."""
    key = Ed25519PrivateKey.generate()
    whole = json.loads(OKPAlgorithm.to_jwk(key)) | {"kid": kid, "alg": ALGORITHM, "use": "sig"}
    half = {name: value for name, value in whole.items() if name not in ("d", "key_ops")}
    for path, content in ((private, whole), (public, {"keys": [half]})):
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump(content, file)
