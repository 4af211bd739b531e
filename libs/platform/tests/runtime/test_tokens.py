"""Passports and grants: neither can be forged, stretched, or used in the other's place."""

import base64
import hashlib
import hmac
import json
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import jwt
import pytest

from kontor_platform.contract.problem import ApprovalInvalid, Unauthenticated
from kontor_platform.runtime.principal import Principal, TenantSettings
from kontor_platform.runtime.tokens import (
    GRANT_ISSUER,
    PASSPORT_AUDIENCE,
    PASSPORT_ISSUER,
    PASSPORT_TYPE,
    Grant,
    GrantSigner,
    GrantVerifier,
    KeySet,
    PassportSigner,
    PassportVerifier,
    Signer,
    generate_key_pair,
)

PRINCIPAL = Principal(
    tenant=uuid4(),
    slug="demo",
    actor=uuid4(),
    kind="agent",
    roles=frozenset({"sales"}),
    door="gateway",
    key="key-1",
    on_behalf_of=uuid4(),
    name="Ada's agent",
    settings=TenantSettings(time_zone="Europe/Zurich", region="CH", currency="CHF"),
)
GRANT = Grant("jti", "crm-core", uuid4(), uuid4(), "crm_create_deal", "a" * 64, "f" * 64, 3, (("r", 4),), "key")


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """A directory with the two pairs of a stack."""
    for name in ("passport", "grant"):
        generate_key_pair(tmp_path / f"{name}.private.jwk", tmp_path / f"{name}.jwks", f"{name}-1")
    return tmp_path


def test_a_passport_tells_the_principal_it_was_signed_for(keys: Path) -> None:
    """Every fact about the caller arrives."""
    token = PassportSigner(keys / "passport.private.jwk").sign(PRINCIPAL)
    assert PassportVerifier(KeySet(keys / "passport.jwks")).verify(token) == PRINCIPAL


def test_a_grant_tells_what_was_approved(keys: Path) -> None:
    """The service sees the very call."""
    token = GrantSigner(keys / "grant.private.jwk").sign(GRANT)
    assert GrantVerifier(KeySet(keys / "grant.jwks"), "crm-core").verify(token) == GRANT


def test_a_grant_for_another_service_is_refused(keys: Path) -> None:
    """Its audience is one service."""
    token = GrantSigner(keys / "grant.private.jwk").sign(GRANT)
    with pytest.raises(ApprovalInvalid):
        GrantVerifier(KeySet(keys / "grant.jwks"), "crm-governance").verify(token)


def test_the_gateways_key_makes_no_passport(keys: Path) -> None:
    """A grant key that signs a perfect passport is not believed, even if both keys stood in one file."""
    forged = Signer(keys / "grant.private.jwk", PASSPORT_TYPE, PASSPORT_ISSUER)
    token = forged.sign({"aud": PASSPORT_AUDIENCE, "sub": str(uuid4())}, 60)
    with pytest.raises(Unauthenticated):
        PassportVerifier(KeySet(keys / "passport.jwks")).verify(token)
    both = [json.loads((keys / f"{name}.jwks").read_text())["keys"][0] for name in ("passport", "grant")]
    (keys / "both.jwks").write_text(json.dumps({"keys": both}))
    other_issuer = Signer(keys / "grant.private.jwk", PASSPORT_TYPE, GRANT_ISSUER).sign({"aud": PASSPORT_AUDIENCE}, 60)
    with pytest.raises(Unauthenticated):
        PassportVerifier(KeySet(keys / "both.jwks")).verify(other_issuer)


def test_algorithms_and_keys_come_from_us_and_never_from_the_token(keys: Path) -> None:
    """`none`, HMAC over the public key and a key carried in the header are all refused."""
    verifier = PassportVerifier(KeySet(keys / "passport.jwks"))
    good = PassportSigner(keys / "passport.private.jwk").sign(PRINCIPAL)
    claims = jwt.decode(good, options={"verify_signature": False})
    public = (keys / "passport.jwks").read_bytes()
    none = unsigned({"alg": "none", "typ": PASSPORT_TYPE, "kid": "passport-1"}, claims)
    confused = unsigned({"alg": "HS256", "typ": PASSPORT_TYPE, "kid": "passport-1"}, claims)
    mac = hmac.new(public, confused.encode(), hashlib.sha256).digest()
    for token in (f"{none}.", f"{confused}.{text(mac)}", good[:-4] + "AAAA", "", "x", good + "x" * 9000):
        with pytest.raises(Unauthenticated):
            verifier.verify(token)


def unsigned(header: dict[str, str], claims: dict[str, object]) -> str:
    """The first two parts of a token, made by hand."""
    return ".".join(text(json.dumps(part).encode()) for part in (header, claims))


def text(data: bytes) -> str:
    """Base64 as tokens write it."""
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def test_an_expired_passport_is_refused_beyond_the_leeway(keys: Path) -> None:
    """Thirty seconds of skew are forgiven, a minute is not."""
    signer = PassportSigner(keys / "passport.private.jwk")
    verifier = PassportVerifier(KeySet(keys / "passport.jwks"))
    assert verifier.verify(signer.sign(PRINCIPAL, ttl_s=-5)) == PRINCIPAL
    with pytest.raises(Unauthenticated):
        verifier.verify(signer.sign(replace(PRINCIPAL, name="late"), ttl_s=-60))


def test_a_key_added_to_the_file_is_found_without_a_restart(keys: Path) -> None:
    """Rotation is a second key in the file."""
    generate_key_pair(keys / "next.private.jwk", keys / "next.jwks", "passport-2")
    verifier = PassportVerifier(KeySet(keys / "passport.jwks"))
    token = PassportSigner(keys / "next.private.jwk").sign(PRINCIPAL)
    with pytest.raises(Unauthenticated):
        verifier.verify(token)
    both = [json.loads((keys / f"{name}.jwks").read_text())["keys"][0] for name in ("passport", "next")]
    (keys / "passport.jwks").write_text(json.dumps({"keys": both}))
    assert verifier.verify(token) == PRINCIPAL


def test_private_keys_are_readable_by_their_owner_alone(keys: Path) -> None:
    """A private half has mode 0600, and the public file does not hold it."""
    assert (keys / "passport.private.jwk").stat().st_mode & 0o777 == 0o600
    assert "d" not in json.loads((keys / "passport.jwks").read_text())["keys"][0]
