"""What a new tenant starts with."""

from dataclasses import dataclass

ADMIN, MANAGER, SALES, VIEWER = "admin", "manager", "sales", "viewer"
SYSTEM_SLUG = "system"


@dataclass(frozen=True, slots=True)
class Person:
    """A person to be created; `label` is how the keys below name them."""

    label: str
    email: str
    name: str
    role: str
    approver: bool = False


@dataclass(frozen=True, slots=True)
class Issue:
    """A key to be issued, to a person or to an agent acting for one."""

    name: str
    holder: str
    role: str
    kind: str = "user"
    approver: bool = False
    interactive: bool = False


FIRST_KEYS = (
    Issue("admin_key", "admin", ADMIN, interactive=True),
    Issue("approver_key", "approver", MANAGER, approver=True),
)
DEMO_KEYS = (
    Issue("sales_key", "sales", SALES, interactive=True),
    Issue("agent_key", "sales", SALES, kind="agent"),
    Issue("agent_admin_key", "admin", ADMIN, kind="agent"),
    Issue("operator_key", "operator", MANAGER, approver=True),
    Issue("viewer_key", "viewer", VIEWER),
)


def first_people(admin_email: str, approver_email: str) -> tuple[Person, ...]:
    """The two people every tenant starts with."""
    return (
        Person("admin", admin_email, "Admin", ADMIN),
        Person("approver", approver_email, "Approver", MANAGER, approver=True),
    )


def demo_people(slug: str) -> tuple[Person, ...]:
    """The people of a demonstration, beside the first two."""
    return (
        Person("sales", f"demo-sales@{slug}.example", "Sales", SALES),
        Person("operator", f"demo-operator@{slug}.example", "Operator", MANAGER, approver=True),
        Person("viewer", f"demo-viewer@{slug}.example", "Viewer", VIEWER),
    )
