"""What becomes of rows: modes, keys, repeats, blanks, values, trials, errors."""

import csv
import io
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from kontor_protos.kontor.crm.v1 import blocklist_pb
from kontor_protos.kontor.crm.v1.imports_pb import ColumnMapping, ImportContactsCsvResponse
from kontor_protos.kontor.records.v1.filters_pb import Filter
from protobuf.wkt import Value

from kontor_crm_core.blocklist.rules import digest
from kontor_crm_core.blocklist.service import Blocklist
from kontor_crm_core.imports.job import ImportJob, step
from kontor_crm_core.imports.statistics import MANY
from kontor_crm_core.operation.store import cancel, claim, opened
from kontor_platform.contract.problem import Refusal

from .importing import Importer, numbers

ADA = "First Name,Last Name,Email\nAda,Byron,ada@x.example\n"


def problems(told: ImportContactsCsvResponse) -> list[tuple[int, str, str]]:
    """Line, column and code of what was wrong."""
    return [(each.line, each.column, str(each.code)) for each in told.problems]


async def contact(importer: Importer, email: str) -> Mapping[Any, Any]:
    """The contact with an address."""
    (row,) = await importer.rows(
        "SELECT c.* FROM contact c JOIN contact_email e ON e.tenant_id = c.tenant_id AND e.contact_id = c.id "
        "WHERE c.tenant_id = :tenant AND e.email_key = :email AND e.live",
        email=email,
    )
    return row


async def test_a_second_run_adds_nothing(importer: Importer) -> None:
    """Rows with keys and without: importing a file again changes nothing."""
    text = ADA + "No,Keys,\nOnly,Name,\n"
    assert numbers(await importer.tell(text)) == {"created": 3}
    assert numbers(await importer.tell(text)) == {"unchanged": 3}
    assert len(await importer.rows("SELECT id FROM contact WHERE tenant_id = :tenant")) == 3


async def test_modes_say_what_may_happen(importer: Importer) -> None:
    """`create` refuses who is there, `update` who is not."""
    await importer.tell(ADA)
    text = "Email,City\nada@x.example,London\nbob@x.example,Paris\n"
    made = await importer.try_(text, mode="create")
    assert (numbers(made), problems(made)) == ({"created": 1, "failed": 1}, [(2, "", "match_exists")])
    changed = await importer.try_(text, mode="update")
    assert (numbers(changed), problems(changed)) == ({"updated": 1, "failed": 1}, [(3, "", "match_not_found")])
    assert numbers(await importer.tell(text)) == {"created": 1, "updated": 1}


async def test_blank_cells_leave_or_clear(importer: Importer) -> None:
    """A blank cell says nothing unless it is said to empty."""
    await importer.tell("Email,City,First Name\nada@x.example,London,Ada\n")
    await importer.tell("Email,City\nada@x.example,\n")
    assert (await contact(importer, "ada@x.example"))["city"] == "London"
    await importer.tell("Email,City\nada@x.example,\n", blank_cells="clear")
    assert (await contact(importer, "ada@x.example"))["city"] is None


@pytest.mark.parametrize(
    ("repeats", "city", "outcome"),
    [
        ("first", "London", {"created": 1, "skipped": 2}),
        ("last", "Rome", {"created": 1, "skipped": 2}),
        ("merge", "Rome", {"created": 1, "skipped": 2}),
    ],
)
async def test_rows_for_one_person(importer: Importer, repeats: str, city: str, outcome: dict[str, int]) -> None:
    """One of them counts, or all joined; the others are told by line."""
    text = "Email,City,Title\nada@x.example,London,\nADA@x.example,Paris,Countess\nada@x.example,Rome,\n"
    told = await importer.tell(text, repeats=repeats)
    assert numbers(told) == outcome
    found = await contact(importer, "ada@x.example")
    assert found["city"] == city
    assert (found["title"] == "Countess") == (repeats == "merge")
    assert {code for _, _, code in problems(told)} == {"row_duplicate"}


async def test_repeats_may_be_refused(importer: Importer) -> None:
    """With `error` none of them counts."""
    text = "Email,City\nada@x.example,London\nbob@x.example,Oslo\nada@x.example,Paris\n"
    told = await importer.tell(text, repeats="error")
    assert (numbers(told), [line for line, _, _ in problems(told)]) == ({"created": 1, "failed": 2}, [2, 4])


async def test_two_keys_of_two_people_are_never_a_silent_choice(importer: Importer) -> None:
    """The row is refused with both ids; `match_on` decides."""
    await importer.tell("Email,external_id:crm\nada@x.example,1\nbob@x.example,2\n")
    text = "Email,external_id:crm,City\nada@x.example,2,Rome\n"
    told = await importer.try_(text)
    assert problems(told) == [(2, "", "match_ambiguous")]
    assert len(told.problems[0].value.split(", ")) == 2
    taken = await importer.tell(text, match_on=["email"])
    assert problems(taken) == [(2, "", "unique_taken")]


async def test_values_are_never_bent(importer: Importer) -> None:
    """Each fault has its code, column and line; the good row goes in."""
    await importer.define("score", "number")
    await importer.define("born", "date")
    await importer.define("plan", "select", options='[{"value": "free", "label": "Free"}]')
    text = (
        "Email,Score,Born,Plan,First Name\n"
        'a@x.example,"1,234",,,A\n'
        "b@x.example,,03/04/2026,,B\n"
        "c@x.example,,,fre,C\n"
        "not an address,,,,D\n"
        "e@x.example,,,,E\u202eE\n"
        f"f@x.example,,,,{'x' * 101}\n"
        "g@x.example,12,2026-01-31,free,G\n"
    )
    told = await importer.tell(text)
    assert numbers(told) == {"created": 1, "failed": 6}
    assert problems(told) == [
        (2, "Score", "number_ambiguous"),
        (3, "Born", "date_ambiguous"),
        (4, "Plan", "option_unknown"),
        (5, "Email", "email_invalid"),
        (6, "First Name", "control_character"),
        (7, "First Name", "text_too_long"),
    ]
    assert told.problems[2].suggestion == "free"
    declared = await importer.try_(text, decimal_mark=",", date_format="dmy")
    assert not {"number_ambiguous", "date_ambiguous"} & {code for _, _, code in problems(declared)}


async def test_required_and_unique_properties_count(importer: Importer) -> None:
    """A new contact needs what is required; a unique value finds its holder."""
    await importer.define("tax_id", unique=True)
    await importer.define("segment", required=True)
    text = "Tax_id,Segment,First Name\nT1,a,Ada\nT2,,Bob\n"
    told = await importer.tell(text)
    assert (numbers(told), problems(told)) == ({"created": 1, "failed": 1}, [(3, "segment", "required_missing")])
    assert numbers(await importer.tell("Tax_id,City\nt1,London\n")) == {"updated": 1}


async def test_consent_is_never_lowered_silently(importer: Importer) -> None:
    """Who refused mail stays so unless the file says on what ground that ends."""
    await importer.tell("Email,Unsubscribed\nada@x.example,yes\n")
    told = await importer.tell("Email,Unsubscribed\nada@x.example,no\n")
    assert problems(told) == [(2, "", "consent_downgrade")]
    await importer.tell("Email,Unsubscribed,Consent basis\nada@x.example,no,double opt-in 2026-02-01\n")
    (row,) = await importer.rows("SELECT opted_out FROM contact_email WHERE tenant_id = :tenant")
    assert row["opted_out"] is False


async def test_nothing_in_a_file_grants_anything(importer: Importer) -> None:
    """Columns for tenant and role mean nothing and cannot be mapped."""
    text = "Email,role,tenant_id,password\nada@x.example,admin,1,x\n"
    told = await importer.tell(text)
    assert numbers(told) == {"created": 1}
    assert told.format is not None
    assert [each.field for each in told.format.columns] == ["email", "", "", ""]
    with pytest.raises(Refusal) as caught:
        await importer.tell(text, mapping=[ColumnMapping(column="role", field="role")])
    assert caught.value.details == {"code": "unknown_column"}


async def test_formulas_are_stored_as_given(importer: Importer) -> None:
    """A cell that a spreadsheet would run is text here; phone numbers and amounts stay what they are."""
    await importer.tell("Email,Title,First Name\nada@x.example,\"=cmd|'/C calc'!A0\",'Ada\n")
    found = await contact(importer, "ada@x.example")
    assert (found["title"], found["first_name"]) == ("=cmd|'/C calc'!A0", "'Ada")


async def test_a_plan_binds_what_was_tried(importer: Importer) -> None:
    """A contact that changed since the trial makes its plan stale, and nothing is imported."""
    await importer.tell(ADA)
    text = "Email,City\nada@x.example,London\n"
    tried = await importer.try_(text)
    await importer.tell("Email,Title\nada@x.example,Countess\n")
    with pytest.raises(Refusal) as caught:
        await importer.tell(text, plan=tried.plan)
    assert caught.value.code == "plan_stale"
    fresh = await importer.try_(text)
    assert numbers(await importer.tell(text, plan=fresh.plan)) == {"updated": 1}


async def test_too_many_errors_end_an_import_before_it_changes_anything(importer: Importer) -> None:
    """The good rows wait until the bad ones are few enough."""
    text = "Email\nada@x.example\nbroken\nalso broken\n"
    told = await importer.tell(text, max_errors=1)
    assert (told.state, numbers(told)) == ("failed", {"created": 1, "failed": 2})
    assert await importer.rows("SELECT id FROM contact WHERE tenant_id = :tenant") == []


async def test_an_error_file_works_alone_once_it_is_corrected(importer: Importer) -> None:
    """It has the columns as they were, what was wrong, and nothing else; quotes and line breaks stay."""
    text = 'Name;E-Mail;Notiz\n"Ada ""Lady"" Byron";ada(at)x.example;"=1+1;\na"\nBob;bob@x.example;\n'
    told = await importer.tell(text)
    assert told.error_file_id
    errors = await importer.file(told.error_file_id)
    (row,) = csv.DictReader(io.StringIO(errors, newline=""))
    assert row["Name"] == 'Ada "Lady" Byron'
    assert (row["Notiz"], row["_row"], row["_column"], row["_code"]) == ("=1+1;\na", "2", "E-Mail", "email_invalid")
    mended = errors.replace("ada(at)x.example", "ada@x.example")
    again = await importer.tell(mended)
    assert (numbers(again), again.error_file_id) == ({"created": 1}, "")


async def test_a_mapping_is_said_saved_and_used_again(importer: Importer) -> None:
    """What was said of columns counts for the next file that has them."""
    text = "Spalte A,Spalte B\nada@x.example,London\n"
    said = [ColumnMapping(column="Spalte A", field="email"), ColumnMapping(column="spalte b", field="city")]
    await importer.tell(text, mapping=said, save_mapping_as="ours")
    assert numbers(await importer.tell(text.replace("ada", "bob"), use_mapping="ours")) == {"created": 1}
    with pytest.raises(Refusal) as caught:
        await importer.tell(text, use_mapping="our")
    assert caught.value.did_you_mean == "ours"
    with pytest.raises(Refusal) as unknown:
        await importer.tell(text, mapping=[ColumnMapping(column="Spalte A", field="emial")])
    assert "email" in unknown.value.message


async def test_companies_are_found_or_made(importer: Importer) -> None:
    """By domain, else by name; without leave none is made and the row goes in with a warning."""
    text = "Email,Company,Website\nada@x.example,Acme,https://www.acme.example/about\nbob@x.example,ACME,\n"
    none = await importer.try_(text, create_companies=False)
    assert {code for _, _, code in problems(none)} == {"company_not_found"}
    assert numbers(await importer.tell(text)) == {"created": 2}
    found = await importer.rows("SELECT name FROM company WHERE tenant_id = :tenant")
    assert [row["name"] for row in found] == ["Acme"]


async def test_a_domain_that_many_companies_share_identifies_none(importer: Importer) -> None:
    """As where a file's addresses are all at one provider: each company is found by its name."""
    rows = "".join(f"p{at}@shared.example,Company {at % 6}\n" for at in range(12))
    assert numbers(await importer.tell(f"Email,Company\n{rows}")) == {"created": 12}
    assert len(await importer.rows("SELECT id FROM company WHERE tenant_id = :tenant")) == 6
    assert numbers(await importer.tell(f"Email,Company\n{rows}")) == {"unchanged": 12}


async def test_owners_are_users_or_a_warning(importer: Importer) -> None:
    """A name that is nobody's costs nothing but a warning."""
    told = await importer.tell("Email,Owner\nada@x.example,Priya Sharma\n")
    assert (numbers(told), problems(told)) == ({"created": 1}, [(2, "Owner", "owner_not_found")])


async def test_a_job_does_what_a_call_does(importer: Importer) -> None:
    """The same file by a job and within a call gives the same counters, errors and contacts."""
    text = "Email,City\nada@x.example,London\nbroken,Rome\nada@x.example,Oslo\n,\nbob@x.example,Bonn\n"
    operation = await importer.begin(text.encode())
    row = await importer.run(operation)
    assert row.state == "done"
    assert row.report["created"] == 2
    counters = {name: count for name, count in row.counters.items() if ":" not in name}
    assert counters == {"rows": 4, "created": 2, "failed": 1, "skipped": 1}
    assert row.counters["code:email_invalid"] == 1
    assert await importer.rows("SELECT * FROM import_stage WHERE tenant_id = :tenant") == []
    tried = await importer.run(await importer.begin(text.encode(), trial=True))
    assert (tried.state, tried.report["unchanged"]) == ("checked", 2)


async def test_statistics_follow_a_large_import(importer: Importer) -> None:
    """PostgreSQL counts the contacts at once, and not when it comes round to it."""
    text = "Email\n" + "".join(f"ada{number}@counted.example\n" for number in range(MANY + 1))
    counted = "SELECT reltuples FROM pg_class WHERE oid = CAST('contact' AS regclass)"
    (before,) = await importer.rows(counted)
    assert (await importer.run(await importer.begin(text.encode()))).state == "done"
    (after,) = await importer.rows(counted)
    assert after["reltuples"] > max(before["reltuples"], 0) + MANY / 2


async def test_a_refused_file_fails_its_job_with_the_code(importer: Importer) -> None:
    """What only the whole file shows is told by the job."""
    data = b"Email,City\n" + b"a%d@x.example,London\n" % 1 * 20_000 + b'b@x.example,"London\n'
    row = await importer.run(await importer.begin(data))
    assert (row.state, row.report["code"], row.report["line"]) == ("failed", "quote_unclosed", 20_002)
    assert await importer.rows("SELECT id FROM contact WHERE tenant_id = :tenant") == []


async def test_a_canceled_import_changes_nothing_more(importer: Importer) -> None:
    """One that is to end does so before its next chunk."""
    operation = await importer.begin(b"Email\nada@x.example\n")
    async with importer.call() as call:
        await claim(call, operation)
        await cancel(call, operation)
    row = await importer.run(operation)
    assert row.state == "canceled"
    assert await importer.rows("SELECT id FROM contact WHERE tenant_id = :tenant") == []


async def test_staged_rows_that_a_crash_took_are_staged_again(importer: Importer) -> None:
    """The import goes on at its place: every row once."""
    data = "".join(["Email,City\n", *(f"p{n}@x.example,City {n}\n" for n in range(2_500))]).encode()
    operation = await importer.begin(data)
    job = ImportJob(importer.work, await opened(importer.work, importer.person.tenant, operation))
    for _ in range(6):
        await step(job)
    assert 0 < (await importer.status(operation)).counters["created"] < 2_500
    await importer.rows("DELETE FROM import_stage WHERE tenant_id = :tenant RETURNING line")
    row = await importer.run(operation)
    assert (row.state, row.counters["rows"], row.counters["created"]) == ("done", 2_500, 2_500)
    found = await importer.rows("SELECT count(*) AS n FROM contact WHERE tenant_id = :tenant AND version = 1")
    assert found[0]["n"] == 2_500


async def test_what_an_import_did_is_taken_back(importer: Importer) -> None:
    """What nobody touched goes; fields go back where they are as the import left them; the rest is listed."""
    await importer.tell("Email,City,Title,Company\nada@x.example,London,Countess,Acme\n")
    text = "Email,City,Title,Company\nada@x.example,Rome,Duchess,Other\nnew@y.example,Oslo,,\nold@y.example,Bonn,,\n"
    done = await importer.tell(text)
    assert numbers(done) == {"created": 2, "updated": 1}
    await importer.tell("Email,Title\nada@x.example,Queen\nold@y.example,King\n")
    back = await importer.revert(done.operation_id)
    assert back.state == "done"
    kept = sorted((each.reason, tuple(each.fields)) for each in back.kept)
    assert kept == [("changed_since", ()), ("changed_since", ("title",))]
    found = await contact(importer, "ada@x.example")
    assert (found["city"], found["title"]) == ("London", "Queen")
    live = await importer.rows("SELECT id FROM contact WHERE tenant_id = :tenant AND deleted_at IS NULL")
    assert len(live) == 2
    with pytest.raises(Refusal):
        await importer.revert(done.operation_id)


async def test_after_taking_back_the_file_can_be_imported_again(importer: Importer) -> None:
    """Contacts that an import made and that were taken back are as if they had never been."""
    done = await importer.tell(ADA)
    await importer.revert(done.operation_id)
    assert numbers(await importer.tell(ADA)) == {"created": 1}


async def test_another_tenant_sees_nothing_of_it(importer: Importer, crm: Any) -> None:
    """Operations, files and mappings of others are not there."""
    done = await importer.tell("Email\nbroken\n", save_mapping_as="ours")
    stranger = Importer(importer.work, replace(crm.stranger().principal))
    with pytest.raises(Refusal) as caught:
        await stranger.revert(done.operation_id)
    assert caught.value.code == "not_found"
    with pytest.raises(Refusal):
        await stranger.tell(ADA, use_mapping="ours")


async def test_a_segment_gains_the_imported_and_loses_them_when_taken_back(importer: Importer) -> None:
    """Those who were in it before stay; only a static segment of contacts takes any."""
    first = await importer.tell(ADA)
    assert numbers(first) == {"created": 1}
    ada = str((await contact(importer, "ada@x.example"))["id"])
    await importer.segment("list", ada)
    text = "Email\nada@x.example\nbob@x.example\n"
    done = await importer.tell(text, segment="list")
    members = "SELECT record_id FROM segment_member WHERE tenant_id = :tenant"
    assert len(await importer.rows(members)) == 2
    exported = await importer.export(segment="list", columns=["email"])
    assert exported.decode().splitlines() == ["email,_kontor", "ada@x.example,1", "bob@x.example,1"]
    await importer.revert(done.operation_id)
    assert [str(row["record_id"]) for row in await importer.rows(members)] == [ada]
    with pytest.raises(Refusal):
        await importer.tell(text, segment="nowhere")


async def test_a_condition_says_what_is_exported(importer: Importer) -> None:
    """As the advanced search takes it; ids and a condition together are refused."""
    await importer.tell("Email,City\nada@x.example,London\nbob@x.example,Bonn\n")
    bonn = Filter(field="city", op="eq", value=Value.from_json('"Bonn"'))
    exported = await importer.export(filter=bonn, columns=["email", "city"])
    assert exported.decode().splitlines() == ["email,city,_kontor", "bob@x.example,Bonn,1"]
    with pytest.raises(Refusal):
        await importer.export(filter=bonn, ids=[str(importer.person.tenant)])
    with pytest.raises(Refusal) as caught:
        await importer.export(columns=["emial"])
    assert caught.value.did_you_mean == "email"


async def test_addresses_on_the_blocklist_are_refused(importer: Importer) -> None:
    """The row says so, the others go in."""
    secret = b"s" * 32
    entry = blocklist_pb.BlocklistEntry(digest=digest(secret, "ada@x.example"))
    async with importer.call() as call:
        await Blocklist().put(blocklist_pb.BlocklistPutRequest(key=secret, entries=[entry]), call)
    told = await importer.tell("Email\nada@x.example\nbob@x.example\n")
    assert (numbers(told), problems(told)) == ({"created": 1, "failed": 1}, [(2, "", "blocklisted")])
