"""A file of contacts: tried, approved by a second person, imported, exported, taken back."""

import csv
import hashlib
import io

from support.clients import approved
from support.coverage import covers
from support.imports import IMPORT, REVERT, ended, over_rest
from support.plugin import ConnectEdge, ConnectMcp
from support.tenants import Tenant

PEOPLE = (
    "Vorname;Nachname;E-Mail;Telefon;Firma;Kundenstatus\n"
    "Jörg;Weiß;joerg@weiss.example;+49 30 901820;Weiß GmbH;neu\n"
    "Anna;Groß;anna@weiss.example;keine;Weiß GmbH;alt\n"
    "Kaputt;;kein-at-zeichen;;;\n"
)


@covers("crm_import_contacts_csv", "crm_import_status", "crm_import_revert", "crm_export_contacts_csv")
async def test_an_agent_imports_a_list_with_a_second_persons_consent(
    tenant: Tenant, connect: ConnectMcp, at_edge: ConnectEdge
) -> None:
    """A trial tells what would happen, an approval binds the text, bad rows are told by line, and all is taken back."""
    async with connect(tenant.key("agent_admin")) as agent, at_edge(tenant.key("approver")) as operator:
        tried = await agent.do("crm_import_contacts_csv", csv=PEOPLE, dry_run=True)
        assert (tried["state"], tried["created"], tried["failed"]) == ("checked", 2, 1)
        fields = {each["column"]: each["field"] for each in tried["format"]["columns"]}
        assert fields == {
            "Vorname": "first_name",
            "Nachname": "last_name",
            "E-Mail": "email",
            "Telefon": "phone",
            "Firma": "company",
            "Kundenstatus": "",
        }
        assert (await agent.do("crm_search_customers", query="Weiß"))["total"] == 0
        done = await approved(agent, operator, "crm_import_contacts_csv", csv=PEOPLE, plan=tried["plan"])
        assert (done["state"], done["created"], done["failed"]) == ("done", 2, 1)
        refused = next(each for each in done["problems"] if not each["is_warning"])
        assert (refused["line"], refused["column"], refused["code"]) == (4, "E-Mail", "email_invalid")
        warned = next(each for each in done["problems"] if each["is_warning"])
        assert (warned["line"], warned["column"], warned["code"]) == (3, "Telefon", "phone_invalid")
        status = (await agent.do("crm_import_status", operation_id=done["operation_id"]))["operation"]
        assert (status["kind"], status["state"], status["undo_tool"]) == ("import", "done", "crm_import_revert")
        again = await agent.do("crm_import_contacts_csv", csv=PEOPLE, dry_run=True)
        assert (again["created"], again["unchanged"]) == (0, 2)
        exported = await approved(agent, operator, "crm_export_contacts_csv", columns=["email", "company"])
        text = (await operator.get(exported["path"])).text
        assert text.splitlines() == [
            "email,company,_kontor",
            "joerg@weiss.example,Weiß GmbH,1",
            "anna@weiss.example,Weiß GmbH,1",
        ]
        taken = await approved(agent, operator, "crm_import_revert", operation_id=done["operation_id"])
        assert (taken["state"], taken["deleted"]) == ("done", 3)
        assert (await agent.do("crm_search_customers", query="Weiß"))["total"] == 0


async def test_a_large_file_is_uploaded_imported_by_a_job_and_taken_back(tenant: Tenant, at_edge: ConnectEdge) -> None:
    """The file is named with its hash; the job tells how far it is; errors come as a file that works alone."""
    rows = [["First Name", "Last Name", "Email"], *([f"N{n}", f"F{n}", f"p{n}@x{n % 9}.example"] for n in range(1200))]
    rows[700][2] = "broken"
    data = csv_of(rows)
    async with at_edge(tenant.key("admin")) as person, at_edge(tenant.key("approver")) as operator:
        file = (await person.http.post("/crm/files", params={"name": "list.csv"}, content=data)).json()
        assert file["sha256"] == hashlib.sha256(data).hexdigest()
        begun = await over_rest(person, operator, IMPORT, file_id=file["id"], sha256=file["sha256"])
        done = await ended(person, begun["operation_id"])
        assert done["state"] == "done", done
        assert {each["name"]: each["count"] for each in done["counters"]} == {
            "rows": 1200,
            "created": 1199,
            "failed": 1,
        }
        assert (done["position"], done["percent"]) == (done["total"], 100)
        errors = await person.get(f"/crm/files/{done['error_file_id']}")
        (wrong,) = csv.DictReader(io.StringIO(errors.text))
        assert (wrong["Email"], wrong["_row"], wrong["_code"]) == ("broken", "701", "email_invalid")
        mended = errors.text.replace("broken", "mended@x.example")
        corrected = await over_rest(person, operator, IMPORT, csv=mended)
        assert (corrected["state"], corrected["created"]) == ("done", 1)
        taken = await over_rest(person, operator, REVERT, operation_id=begun["operation_id"])
        assert (await ended(person, taken["operation_id"]))["state"] == "done"
        assert (await ended(person, begun["operation_id"]))["state"] == "reverted"
        left = await person.do("/crm/search_customers", {"query": "mended@x.example"})
        assert left["total"] == 1


async def test_an_export_comes_back_as_it_went(tenant: Tenant, at_edge: ConnectEdge) -> None:
    """A person exports at the edge with their own key, imports the file and exports it again: the same bytes."""
    async with at_edge(tenant.key("admin")) as person, at_edge(tenant.key("approver")) as operator:
        for name in ("=1+1", "-Müller", "'quoted", "a;b,c", 'x "y" z'):
            await person.do("/crm/upsert_contact", {"first_name": name, "last_name": "Doe"})
        first = await person.do("/crm/export/contacts_csv", {})
        data = (await person.get(first["path"])).content
        assert b",'=1+1," in data
        again = await over_rest(person, operator, IMPORT, csv=data.decode(), match_on=["id"])
        assert (again["unchanged"], again["failed"]) == (5, 0)
        second = await person.do("/crm/export/contacts_csv", {})
        assert (await person.get(second["path"])).content == data


def csv_of(rows: list[list[str]]) -> bytes:
    """Rows as CSV."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()
