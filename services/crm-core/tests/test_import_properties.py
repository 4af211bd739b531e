"""What holds for any rows: exports come back, imports do what upserts do, and what was imported is taken back."""

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kontor_crm_core.record.state_hash import state_hash
from support.stack import Stack
from support.tenants import create_tenant

from .conftest import Crm, person
from .importing import Importer

COLUMNS = [
    "first_name",
    "last_name",
    "email",
    "email_states",
    "phone",
    "title",
    "company",
    "company_domain",
    "city",
    "country",
    "external_ids",
    "properties",
]
TABLES = {
    "contact": "name, name_key, first_name, last_name, title, city, country, version, props::text",
    "contact_email": "email_key, raw, position, opted_out, bounced, consent_basis, live",
    "contact_phone": "phone_key, raw, e164, national_digits, ext, region, position, live",
    "external_id": "system, value, object_type, live",
    "search_term": "object_type, term, fields",
    "search_word": "object_type, word",
    "company": "name, version",
    "company_domain": "domain, position, live",
    "association": "type_key, is_primary, labels",
    "record_change": "record_type, version",
}
SYLLABLES = ("ba", "ko", "ri", "ne", "to", "mu", "sa", "li", "vo", "der", "Ł", "é", "ß", "李")
# A row that is written and read again is composed (NFC) and has no space at its ends; controls are refused.
TEXTS = (
    st.text(st.characters(blacklist_categories=("Cc", "Cs", "Zl", "Zp", "Cf")), min_size=1, max_size=12)
    .map(str.strip)
    .filter(lambda text: bool(text) and text.isprintable())
)
STARTS = st.sampled_from(["=", "+", "-", "@", "'", "''=", "＝", '"', ";", ",", "|", "'-", "+1 "])
CELLS = st.one_of(TEXTS, st.builds(lambda start, text: f"{start}{text}", STARTS, TEXTS))


def in_new_tenant(importer: Importer, crm: Crm, stack: Stack) -> Importer:
    """The same in a tenant that is empty."""
    tenant = create_tenant(stack)
    who = replace(person(), tenant=tenant.id, slug=tenant.slug, actor=tenant.actor("admin"))
    replace(crm, principal=who).do("crm_search_customers", query="nobody")
    return Importer(importer.work, who)


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(rows=st.lists(st.lists(CELLS, min_size=5, max_size=5), min_size=1, max_size=6))
async def test_an_export_imported_and_exported_again_is_the_same(
    importer: Importer, crm: Crm, stack: Stack, rows: list[list[str]]
) -> None:
    """Byte for byte, in the same tenant by id and in an empty one, whatever the texts are."""
    here, there = (in_new_tenant(importer, crm, stack) for _ in range(2))
    for at, (first, last, title, city, company) in enumerate(rows):
        crm_here = replace(crm, principal=here.person)
        crm_here.do(
            "crm_upsert_contact",
            first_name=first,
            last_name=last,
            title=title,
            city=city,
            phone=f"+49 30 90182{at:02}",
            email=f"p{at}@x{at}.example",
            company=f"{company} {at}",
            create_company=True,
            external_ids=[{"system": "crm", "value": f"{title}{at}"}],
        )
    whole = await here.export()
    again = await here.tell(whole.decode(), match_on=["id"])
    assert (again.unchanged, again.failed) == (len(rows), 0), again.problems
    assert await here.export() == whole
    told = await here.export(columns=COLUMNS)
    made = await there.tell(told.decode())
    assert (made.created, made.failed) == (len(rows), 0), made.problems
    assert await there.export(columns=COLUMNS) == told


def drawn(seed: int) -> list[dict[str, str]]:
    """Rows for people who come back in later rows under some of their keys."""
    draw = random.Random(seed)

    def word(size: int) -> str:
        return "".join(draw.choice(SYLLABLES) for _ in range(size)).capitalize()

    rows = []
    for at in range(40):
        who = draw.randrange(25)
        row = {
            "first_name": word(2),
            "last_name": f"{word(3)}",
            "email": f"p{who}@firm{who % 6}.example" if draw.random() < 0.8 else "",
            "phone": f"+49 30 9018{who:03}" if draw.random() < 0.3 else "",
            "title": word(3) if draw.random() < 0.5 else "",
            "city": word(2) if draw.random() < 0.5 else "",
            "company": f"Firm {who % 6}" if draw.random() < 0.7 else "",
        }
        rows.append(row | ({"email": f"q{at}@y.example"} if not row["email"] else {}))
    return rows


async def state(importer: Importer) -> dict[str, list[Any]]:
    """All tables of a tenant without ids, times and actors."""
    found = {}
    for table, columns in TABLES.items():
        rows = await importer.rows(f"SELECT {columns} FROM {table} WHERE tenant_id = :tenant ORDER BY {columns}")
        found[table] = [tuple(row.values()) for row in rows]
    return found


@pytest.mark.parametrize("seed", range(3))
async def test_an_import_does_what_upserts_do(importer: Importer, crm: Crm, stack: Stack, seed: int) -> None:
    """The same rows through crm_upsert_contact and through an import, one file each, leave the same tables."""
    other = in_new_tenant(importer, crm, stack)
    calls = replace(crm, principal=other.person)
    for row in drawn(seed):
        given_fields: dict[str, Any] = {name: value for name, value in row.items() if value}
        answer = calls.send("crm_upsert_contact", create_company=True, **given_fields)
        told = await importer.tell(csv_of([row]))
        assert (told.failed == 0) == (answer.status_code == 200), (row, answer.text, told.problems)
    assert await state(importer) == await state(other)


def csv_of(rows: Sequence[dict[str, str]]) -> str:
    """Rows as CSV."""
    lines = [",".join(rows[0]), *(",".join(f'"{value}"' for value in row.values()) for row in rows)]
    return "\n".join(lines) + "\n"


async def test_ten_thousand_rows_are_taken_back(importer: Importer, stack: Stack) -> None:
    """A large import of new people, changes and repeats, reverted, leaves the state it found."""

    def now() -> str:
        with stack.sql("crm-core") as connection:
            return state_hash(connection, importer.person.tenant)

    def people(first: int, last: int, title: str) -> bytes:
        rows = (f"N{n},F{n},p{n}@firm{n % 90}.example,Firm {n % 90},{title}\n" for n in range(first, last))
        return ("First Name,Last Name,Email,Company,Title\n" + "".join(rows)).encode()

    empty = now()
    await importer.run(await importer.begin(people(0, 2_000, "Buyer")))
    before = now()
    operation = await importer.begin(people(1_000, 11_000, "Head"))
    done = await importer.run(operation)
    assert {"created": 9_000, "updated": 1_000}.items() <= dict(done.counters).items()
    assert before not in (empty, now())
    told = await importer.revert(str(operation))
    if told.state != "done":
        await importer.ended(UUID(told.operation_id))
    assert now() == before


async def business(importer: Importer) -> dict[str, list[Any]]:
    """What people see: live contacts and companies with all that identifies and links them, and what finds them."""
    live = "record_id IN (SELECT id FROM record r WHERE r.tenant_id = :tenant AND r.deleted_at IS NULL)"
    statements = {
        "contact": "SELECT id, name, first_name, last_name, title, city, country, owner_id, props FROM contact "
        "WHERE tenant_id = :tenant AND deleted_at IS NULL ORDER BY id",
        "company": "SELECT id, name FROM company WHERE tenant_id = :tenant AND deleted_at IS NULL ORDER BY id",
        "email": "SELECT contact_id, email_key, raw, position, opted_out FROM contact_email "
        "WHERE tenant_id = :tenant AND live ORDER BY 1, 2",
        "phone": "SELECT contact_id, phone_key, raw, position FROM contact_phone "
        "WHERE tenant_id = :tenant AND live ORDER BY 1, 2",
        "ids": "SELECT record_id, system, value FROM external_id "
        f"WHERE tenant_id = :tenant AND live AND {live} ORDER BY 1, 2, 3",
        "links": "SELECT a.type_key, a.from_id, a.to_id, a.is_primary FROM association a "
        "JOIN record f ON f.tenant_id = a.tenant_id AND f.id = a.from_id AND f.deleted_at IS NULL "
        "JOIN record t ON t.tenant_id = a.tenant_id AND t.id = a.to_id AND t.deleted_at IS NULL "
        "WHERE a.tenant_id = :tenant ORDER BY 2, 3",
        "terms": "SELECT record_id, term, fields FROM search_term WHERE tenant_id = :tenant ORDER BY 1, 2",
    }
    return {name: [tuple(row.values()) for row in await importer.rows(each)] for name, each in statements.items()}


@pytest.mark.parametrize("seed", range(2))
async def test_what_an_import_did_is_as_if_it_had_never_been(importer: Importer, seed: int) -> None:
    """Import and revert leave every record as it was."""
    people = drawn(seed)
    await importer.tell(csv_of(people[:20]))
    before = await business(importer)
    done = await importer.tell(csv_of(drawn(seed + 100)), repeats="merge")
    assert done.created + done.updated > 10
    assert await business(importer) != before
    back = await importer.revert(done.operation_id)
    assert back.kept_total == 0, back.kept
    assert await business(importer) == before
