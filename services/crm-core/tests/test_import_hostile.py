"""Files that are wrong in ways that exporters, spreadsheets and people really make them wrong."""

import pytest
from kontor_protos.kontor.crm.v1.imports_pb import ImportContactsCsvResponse

from kontor_crm_core.imports.codes import FileCode, RowCode
from kontor_crm_core.imports.mapping.mapping import Wanted, is_known, mapped
from kontor_crm_core.imports.reading.encoding import Survey
from kontor_crm_core.imports.reading.faults import FileFault
from kontor_crm_core.imports.reading.table import read
from kontor_platform.data.records.stage import Stage, Staged

from .importing import Importer, numbers

LANGUAGES = (
    (
        "姓,名,メールアドレス,電話番号,会社名,役職,市区町村,国",
        "last_name first_name email phone company title city country",
    ),
    ("姓,名,电子邮件,手机,公司,职位,城市,国家", "last_name first_name email phone company title city country"),
    ("이름,이메일,전화번호,회사,직책,도시,국가", "name email phone company title city country"),
    ("Ad,Soyad,E-posta,Telefon,Şirket,Unvan,Şehir,Ülke", "first_name last_name email phone company title city country"),
    (
        "Vezetéknév,Keresztnév,E-mail,Telefon,Cég,Beosztás,Város,Ország",
        "last_name first_name email phone company title city country",
    ),
    (
        "Etunimi,Sukunimi,Sähköposti,Puhelin,Yritys,Tehtävänimike,Kaupunki,Maa",
        "first_name last_name email phone company title city country",
    ),
    (
        "Имя,Фамилия,Эл. почта,Телефон,Компания,Должность,Город,Страна",
        "first_name last_name email phone company title city country",
    ),
    ("FN,N.Family,N.Given,EMAIL;TYPE=WORK,EMAIL;TYPE=HOME,TEL;TYPE=CELL,ORG,TITLE",
     "- last_name first_name email email phone company title"),
    ("First name,Email address (work),Email address (home),Phone (work)", "first_name email email phone"),
    ("hs_object_id,firstname,lastname,email,lifecyclestage,hubspot_owner_id,hs_email_optout",
     "external_id:hubspot first_name last_name email - - opted_out"),
    ("Title,First Name,Last Name,Job Title,E-mail Address", "- first_name last_name title email"),
    ("Salutation,First Name,Last Name,Title,Email", "- first_name last_name title email"),
    ("Ad,Email", "- email"),
)  # fmt: skip


def meanings(text: str) -> list[str]:
    """The fields of the columns of a file, `-` for those left out."""
    form, _ = read(text.encode(), is_known)
    return [str(each.field or "-") for each in mapped(form, (), (), Wanted({}))]


def rows_of(text: str) -> list[tuple[list[str], str]]:
    """The cells of the data rows of a file, and what is wrong with them."""
    return [(row.cells, str(row.fault)) for row in read(text.encode(), is_known)[1]]


def problems(told: ImportContactsCsvResponse) -> list[tuple[int, str, str, str]]:
    """Line, column, code and value of what was wrong."""
    return [(each.line, each.column, str(each.code), str(each.value)) for each in told.problems]


@pytest.mark.parametrize(("header", "fields"), LANGUAGES)
def test_more_languages_and_converters_are_understood(header: str, fields: str) -> None:
    """Headers in other scripts, of vCard converters, of HubSpot's API, and a title that is a form of address."""
    row = ",".join("x" for _ in header.split(","))
    assert meanings(f"{header}\n{row}\n") == fields.split()


def test_profile_pages_and_foreign_uuids_identify_nothing() -> None:
    """LinkedIn's page of a person is no domain of a company, and only version 7 UUIDs are ids of ours (RFC 9562)."""
    assert meanings("URL,Email\nhttps://www.linkedin.com/in/ada,a@x.example\n") == ["-", "email"]
    assert meanings("URL,Email\nhttps://acme.example,a@x.example\n") == ["company_domain", "email"]
    assert meanings("ID,Email\n1f1a3a2e-1c5b-4c11-8c62-000d3a1b2c3d,a@x.example\n") == ["-", "email"]


def test_only_totals_are_footers() -> None:
    """A person whose name begins like one is a row."""
    text = "Name,Phone\nTotal Recall,+442079460958\nAnzahl Meier,1\nTotal: 2,\nSumme,2\n3 records,\nGrand Total,7\n"
    assert [cells[0] for cells, _ in rows_of(text)] == ["Total Recall", "Anzahl Meier"]


def test_files_joined_end_to_end_have_marks_within() -> None:
    """The byte order mark of the second file is no part of its first name, and its header is no row."""
    text = "Name,Email\nAda,a@x.com\n\ufeffName,Email\n\ufeffBob,b@x.com\n"
    assert [cells[0] for cells, _ in rows_of(text)] == ["Ada", "Bob"]


def test_spaces_before_quotes_are_no_cells_of_their_own() -> None:
    """Also where nothing within the quotes tells."""
    assert rows_of('Name, Email\n"Ada", "a@x.com"\n') == [(["Ada", "a@x.com"], "")]


def test_a_wrong_declaration_of_the_delimiter_is_not_obeyed() -> None:
    """Excel's line tells what its author's system used, not what the file has."""
    assert rows_of("sep=,\nName;Email\nAda;a@x.com\nBob;b@x.com\n")[0] == (["Ada", "a@x.com"], "")


def test_one_endless_row_costs_itself_alone() -> None:
    """The header says how many columns a file has."""
    found = rows_of("Name,Email\nAda,a@x.com\n" + "x," * 20_000 + "y\n")
    assert [fault for _, fault in found] == ["", RowCode.ROW_LENGTH]
    with pytest.raises(FileFault) as caught:
        rows_of(",".join(f"c{n}" for n in range(5_000)) + "\n" + "1," * 4_999 + "1\n")
    assert caught.value.code is FileCode.TOO_MANY_COLUMNS


@pytest.mark.parametrize("spaces", ["   ", "\u3000\u3000"])
def test_columns_of_fixed_width_are_asked_about(spaces: str) -> None:
    """Several spaces separate nothing that can be read."""
    with pytest.raises(FileFault) as caught:
        rows_of(f"Name{spaces} Email\nAda{spaces}a@x.com\nBob  b@x.com\n")
    assert caught.value.code is FileCode.DELIMITER_UNCLEAR


@pytest.mark.parametrize("encoding", ["iso8859_5", "mac_cyrillic"])
def test_rare_code_pages_are_guessed(encoding: str) -> None:
    """Russian in the code pages of Unix and of the Macintosh."""
    text = "Имя;Фамилия;Город\nИван;Петров;Москва\nОльга;Жукова;Казань\n"
    survey = Survey()
    survey.feed(text.encode(encoding))
    assert text.encode(encoding).decode(survey.encoding().name) == text


async def test_lines_passed_over_are_told(importer: Importer) -> None:
    """Nothing of a file is lost in silence, in the call and in the job alike."""
    text = "Email,City\na@x.example,Köln\nTotal,1\n"
    told = await importer.tell(text)
    assert [each.message for each in told.warnings if each.code == "lines_passed_over"] == [
        "Lines that hold no row were passed over, such as totals and repeated headers: 3."
    ]
    done = await importer.run(await importer.begin(text.encode()))
    assert "lines_passed_over" in [each["code"] for each in done.report["warnings"]]


async def test_what_stands_for_nothing_makes_no_company(importer: Importer) -> None:
    """A dash or N/A is no name, a profile page no domain; the row goes in with a warning."""
    text = "Email,Company,Website\na@x.example,N/A,\nb@y.example,-,https://www.linkedin.com/in/b\n"
    told = await importer.tell(text + "c@z.example,,https://z.example\nd@z.example,,z.example\n")
    assert numbers(told) == {"created": 4}
    assert problems(told) == [
        (2, "Company", "company_not_found", "N/A"),
        (3, "Company", "company_not_found", "-"),
        (3, "Website", "domain_invalid", "https://www.linkedin.com/in/b"),
    ]
    names = {row["name"] for row in await importer.rows("SELECT name FROM company WHERE tenant_id = :tenant")}
    assert not names & {"N/A", "-", "linkedin.com"}


async def test_several_values_in_a_cell(importer: Importer) -> None:
    """Slashes between addresses and before a country code separate; an apostrophe of a spreadsheet is no digit."""
    text = "Email,Phone\na@x.example / b@x.example,+49 30 901820 / +49 170 1234567\nc@x.example,'+49 30 901821\n"
    told = await importer.tell(text)
    assert (numbers(told), problems(told)) == ({"created": 2}, [])
    phones = await importer.rows("SELECT e164 FROM contact_phone WHERE tenant_id = :tenant ORDER BY e164")
    assert [row["e164"] for row in phones] == ["+491701234567", "+4930901820", "+4930901821"]


async def test_an_id_nobody_has_is_told_with_its_column(importer: Importer) -> None:
    """The refusal names the cell and what would help."""
    id = "01890a5d-ac96-774b-bcce-b302099a8057"
    told = await importer.tell(f"Email,id\na@x.example,{id}\n")
    assert problems(told) == [(2, "id", "match_not_found", id)]
    assert "external_id" in told.problems[0].suggestion


async def test_the_error_file_never_makes_a_person_of_half_a_row(importer: Importer) -> None:
    """A row too large to be kept stays refused when the error file is imported as it is."""
    told = await importer.tell("Name,Email,Note\nAda,a@x.example," + "x" * 140_000 + "\nBob,b@x.example,y\n")
    assert (numbers(told), problems(told)[0][2]) == ({"created": 1, "failed": 1}, RowCode.ROW_TOO_LARGE)
    assert told.error_file_id
    again = await importer.tell(await importer.file(told.error_file_id))
    assert numbers(again) == {"failed": 1}


async def test_a_file_of_one_person_is_staged_in_time(importer: Importer) -> None:
    """Who repeats whom is found in one pass, however many repeat."""
    async with importer.call() as call:
        stage = Stage(call.session, call.actor.tenant, call.call_id)
        await stage.put(Staged(line, "[]", "{}", keys=("e:ada@x.example",)) for line in range(2, 40_002))
        await stage.find_repeats()
        (last,) = await stage.at([40_001])
        assert (last.first_line, last.last_line) == (2, 40_001)
        await stage.clear()
