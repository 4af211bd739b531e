"""The file `server.yaml`: checked with its lines, swapped whole, never widening anything."""

from pathlib import Path
from uuid import UUID, uuid4

import pytest

from kontor_platform.contract.image import own_image
from kontor_platform.contract.operation import Operation
from kontor_platform.contract.problem import NotFound, PermissionDenied, RoleRequired
from kontor_platform.runtime.principal import Principal
from kontor_platform.runtime.server_config import ConfigInvalid, ServerConfig

SAMPLE = Path(__file__).parents[4] / "config" / "server.yaml"


@pytest.fixture(scope="module")
def create_deal() -> Operation:
    """An operation of sales, managers and admins."""
    return next(each for each in own_image().operations() if each.name == "crm_create_deal")


def written(tmp_path: Path, text: str) -> Path:
    """A file with that text."""
    path = tmp_path / "server.yaml"
    path.write_text(text)
    return path


def principal(*roles: str, actor: UUID | None = None) -> Principal:
    """A user with roles."""
    return Principal(uuid4(), "t", actor or uuid4(), "user", frozenset(roles), "gateway", "key")


def test_sample_is_valid() -> None:
    """The file in the repository loads; `demo` is generous and `other` has the defaults."""
    config = ServerConfig.load(SAMPLE)
    demo, other = config.tenant("demo").limits, config.tenant("other").limits
    assert (demo.tenant("read"), demo.actor(), demo.key(0)) == (6000, 6000, 6000)
    assert (other.tenant("read"), other.actor(), other.key(0)) == (120, 60, 120)


def test_without_a_file_the_defaults_hold(create_deal: Operation) -> None:
    """No file is a policy too."""
    policy = ServerConfig.load(None).tenant("anyone")
    assert policy.mode == "verified"
    assert policy.refuse(principal("sales"), create_deal) is None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("tenants:\n  demo:\n    mode: lenient\n", "line 3: tenants.demo.mode"),
        ("tenants:\n  demo:\n    limits:\n      actor: 0\n", "line 4: tenants.demo.limits.actor"),
        ("tenants:\n  demo: {}\n  demo: {}\n", "line 3: demo stands twice"),
        ("tenants:\n  demo:\n   - x\n  mode\n", "line 5"),
        ("tokens:\n  - token: plain\n    tenant: demo\n    actor: a\n    roles: [sales]\n", "line 2: tokens.0.token"),
        ("tenant: {}\n", "line 1: tenant"),
        (
            "tenants:\n  demo:\n    roles:\n      crm_create_deal: [boss]\n",
            "line 4: tenants.demo.roles.crm_create_deal",
        ),
    ],
)
def test_a_fault_is_told_with_its_line(tmp_path: Path, text: str, told: str) -> None:
    """Whoever edits the file learns where to look."""
    with pytest.raises(ConfigInvalid) as refused:
        ServerConfig.load(written(tmp_path, text))
    assert told in str(refused.value)


def test_changed_file_is_swapped_in_and_a_faulty_one_is_not(tmp_path: Path) -> None:
    """A good change takes effect, a fault is told and leaves the last good state, its repair clears the word."""
    path = written(tmp_path, "tenants: {demo: {mode: compat}}\n")
    config = ServerConfig.load(path)
    assert not config.reload_if_changed()
    path.write_text("tenants: {demo: {mode: strict}}\n")
    assert config.reload_if_changed()
    assert config.tenant("demo").mode == "strict"
    path.write_text("tenants: {demo: {mode: none at all}}\n")
    assert not config.reload_if_changed()
    assert config.tenant("demo").mode == "strict"
    assert "line 1" in config.problem
    path.write_text("tenants: {demo: {}}\n")
    assert config.reload_if_changed()
    assert not config.problem
    assert config.tenant("demo").mode == "verified"


def test_roles_are_narrowed_and_never_widened(tmp_path: Path, create_deal: Operation) -> None:
    """A narrowed role is refused with what would do; a role the operation does not know gains nothing."""
    path = written(tmp_path, "tenants: {t: {roles: {crm_create_deal: [manager, viewer]}}}\n")
    policy = ServerConfig.load(path).tenant("t")
    refusal = policy.refuse(principal("sales"), create_deal)
    assert isinstance(refusal, RoleRequired)
    assert refusal.message == "crm_create_deal needs one of: admin, manager"
    assert policy.refuse(principal("viewer"), create_deal)
    assert policy.refuse(principal("manager"), create_deal) is None
    assert policy.refuse(principal("admin"), create_deal) is None


def test_denied_operation_does_not_exist(tmp_path: Path, create_deal: Operation) -> None:
    """What is denied, or not on an allow list, is not found; deny lists of defaults and tenant add up."""
    text = "defaults: {tools: {deny: [crm_create_deal]}}\ntenants:\n  t: {tools: {deny: [crm_whoami]}}\n"
    policy = ServerConfig.load(written(tmp_path, text)).tenant("t")
    assert isinstance(policy.refuse(principal("admin"), create_deal), NotFound)
    assert not policy.visible(create_deal, {"admin"})
    allowing = ServerConfig.load(written(tmp_path, "tenants: {t: {tools: {allow: [crm_whoami]}}}\n")).tenant("t")
    assert isinstance(allowing.refuse(principal("admin"), create_deal), NotFound)


def test_switches_refuse_at_once(tmp_path: Path, create_deal: Operation) -> None:
    """Tenant, actor and tool each have a switch."""
    actor = uuid4()
    for off in ("{tenant: true}", f"{{actors: [{actor}]}}", "{tools: [crm_create_deal]}"):
        policy = ServerConfig.load(written(tmp_path, f"tenants: {{t: {{switched_off: {off}}}}}\n")).tenant("t")
        assert isinstance(policy.refuse(principal("admin", actor=actor), create_deal), PermissionDenied)


def test_policy_version_changes_with_the_policy(tmp_path: Path, create_deal: Operation) -> None:
    """What decides about a tool is in its version, what concerns other tools is not."""
    versions = {
        ServerConfig.load(written(tmp_path, text)).tenant("t").policy_version(create_deal)
        for text in (
            "tenants: {t: {}}\n",
            "tenants: {t: {mode: strict}}\n",
            "tenants: {t: {roles: {crm_create_deal: [manager]}}}\n",
        )
    }
    assert len(versions) == 3
    other = ServerConfig.load(written(tmp_path, "tenants: {t: {tools: {deny: [crm_whoami]}}}\n")).tenant("t")
    assert other.policy_version(create_deal) in versions


def test_tokens_are_named_by_digest_variable_or_file(tmp_path: Path) -> None:
    """A token is never in the file itself; one whose source is missing opens nothing."""
    (tmp_path / "token").write_text("secret\n")
    entry = "  - {{token: '{}', tenant: demo, actor: a, roles: [sales]}}\n"
    sources = (f"sha256:{'0' * 64}", "env:KONTOR_TEST_TOKEN", "file:token", "env:KONTOR_NO_SUCH_TOKEN")
    config = ServerConfig.load(written(tmp_path, "tokens:\n" + "".join(entry.format(each) for each in sources)))
    digests = [token.digest({"KONTOR_TEST_TOKEN": "secret"}) for token in config.tokens]
    assert digests[0] == "0" * 64
    assert digests[1] == digests[2] != ""
    assert digests[3] == ""
