from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest

from kontor_crm_governance.door.issuer import Issuer
from kontor_crm_governance.door.keyring import Admission
from kontor_crm_governance.door.service_keys import ServiceKeys, service_admission
from kontor_platform.runtime.principal import Principal
from kontor_platform.runtime.tokens import KeySet, PassportSigner, PassportVerifier, generate_key_pair

SAM = Principal(
    tenant=UUID(int=1),
    slug="x",
    actor=UUID(int=2),
    kind="user",
    roles=frozenset({"sales"}),
    door="edge",
    key="k",
    name="Sam",
)


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Issuer, PassportVerifier]:
    private, public = tmp_path / "private.jwk", tmp_path / "public.jwks"
    generate_key_pair(private, public, "one")
    return Issuer(PassportSigner(private)), PassportVerifier(KeySet(public))


def test_a_passport_says_who_was_admitted(pair: tuple[Issuer, PassportVerifier]) -> None:
    """What services read in the passport is what the door decided."""
    issuer, verifier = pair
    assert verifier.verify(issuer.issue(Admission(SAM)).token) == SAM


def test_one_passport_serves_a_minute_and_one_principal(pair: tuple[Issuer, PassportVerifier]) -> None:
    """The same principal gets the same passport again; one with other roles, key or door another."""
    issuer, _ = pair
    first = issuer.issue(Admission(SAM))
    assert issuer.issue(Admission(SAM)) is first
    assert issuer.issue(Admission(replace(SAM, roles=frozenset({"viewer"})))).token != first.token
    assert issuer.issue(Admission(replace(SAM, door="gateway"))).token != first.token


def test_a_passport_does_not_outlive_its_key(pair: tuple[Issuer, PassportVerifier]) -> None:
    """Five minutes at most, and less where the key ends sooner, also when a longer one was issued before."""
    issuer, _ = pair
    long = issuer.issue(Admission(SAM))
    assert 299 <= long.expires_at - long.issued_at <= 300
    short = issuer.issue(Admission(SAM, seconds_left=20.0))
    assert short.expires_at - short.issued_at <= 20


def test_a_service_is_known_by_its_whole_key(tmp_path: Path) -> None:
    """Neither an empty key nor part of one names a service."""
    (tmp_path / "crm-core").write_text("k" * 43 + "\n")
    (tmp_path / "mcp-gateway").write_text("g" * 43)
    keys = ServiceKeys(tmp_path)
    assert [keys.name(key) for key in ("k" * 43, "g" * 43, "k" * 42, "")] == ["crm-core", "mcp-gateway", "", ""]
    assert service_admission("crm-core").principal.kind == "service"
