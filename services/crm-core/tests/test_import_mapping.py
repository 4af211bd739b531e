"""Which column means which field: exports of the usual systems, headers in several languages, what holds no people."""

import pytest

from kontor_crm_core.imports.codes import FileCode
from kontor_crm_core.imports.mapping.mapping import Wanted, is_known, mapped
from kontor_crm_core.imports.mapping.suggest import KnownProperty
from kontor_crm_core.imports.reading.faults import FileFault
from kontor_crm_core.imports.reading.table import read

EXPORTS = (
    (
        "Record ID,First Name,Last Name,Email,Phone Number,Contact owner,Associated Company,Lead Status,Create Date",
        "external_id:hubspot first_name last_name email phone owner company - -",
    ),
    (
        "ID,ISDELETED,ACCOUNTID,LASTNAME,FIRSTNAME,NAME,MAILINGCITY,MAILINGCOUNTRY,PHONE,MOBILEPHONE,EMAIL,TITLE,"
        "HASOPTEDOUTOFEMAIL,CREATEDDATE,SYSTEMMODSTAMP",
        "external_id:salesforce - - last_name first_name - city country phone phone email title opted_out - -",
    ),
    (
        "Id,LastName,FirstName,Company,City,Country,Phone,Email,Website,LeadSource,Status,IsConverted",
        "external_id:salesforce last_name first_name company city country phone email company_domain - - -",
    ),
    (
        "Name,Given Name,Additional Name,Family Name,E-mail 1 - Type,E-mail 1 - Value,Phone 1 - Type,Phone 1 - Value,"
        "Address 1 - City,Address 1 - Country,Organization 1 - Name,Organization 1 - Title",
        "- first_name - last_name - email - phone city country company title",
    ),
    (
        "First Name,Middle Name,Last Name,Organization Name,Organization Title,E-mail 1 - Label,E-mail 1 - Value,"
        "E-mail 2 - Value,Phone 1 - Label,Phone 1 - Value,Labels",
        "first_name - last_name company title - email email - phone -",
    ),
    (
        "First Name,Last Name,Company,Job Title,Business City,Business Country/Region,Home City,Business Phone,"
        "Mobile Phone,E-mail Address,E-mail Type,E-mail 2 Address,Web Page",
        "first_name last_name company title city country - phone phone email - email company_domain",
    ),
    (
        "Person - Name,Person - ID,Person - Organization,Person - Email - Work,Person - Phone - Mobile,Person - Owner",
        "name external_id:pipedrive company email phone owner",
    ),
    (
        "Record Id,Contact Owner.id,Contact Owner,First Name,Last Name,Account Name,Email,Title,Mobile,Mailing City,"
        "Email Opt Out",
        "external_id:zoho - owner first_name last_name company email title phone city opted_out",
    ),
    ("First name,Last name,Company,Email (work),Phone (mobile)", "first_name last_name company email phone"),
    (
        "Email Address,First Name,Last Name,MEMBER_RATING,OPTIN_TIME,UNSUB_TIME,LEID,EUID",
        "email first_name last_name - - opted_out_at - external_id:mailchimp",
    ),
    ("Vorname,Nachname,E-Mail-Adresse,Mobiltelefon,Firma,Position,Ort,Land,Zuständig",
     "first_name last_name email phone company title city country owner"),
    ("Name,Vorname,E-Mail", "last_name first_name email"),
    ("Nom,Prénom,Courriel,Tél.,Société,Fonction,Ville,Pays",
     "last_name first_name email phone company title city country"),
    ("Nom,Email,Téléphone,Entreprise,Statut", "name email phone company -"),
    ("Nombre,Apellidos,Correo electrónico,Móvil,Empresa,Cargo,Ciudad,País",
     "first_name last_name email phone company title city country"),
    ("Nome,Cognome,E-mail,Cellulare,Azienda,Ruolo,Città,Nazione",
     "first_name last_name email phone company title city country"),
    ("Voornaam,Achternaam,E-mailadres,Telefoonnummer,Bedrijf,Functie,Plaats,Land",
     "first_name last_name email phone company title city country"),
    ("Nome,Sobrenome,E-mail,Celular,Empresa,Cargo,Cidade,País",
     "first_name last_name email phone company title city country"),
)  # fmt: skip


def meanings(text: str, properties: tuple[KnownProperty, ...] = (), **wanted: object) -> list[str]:
    """The fields of the columns of a file, `-` for those left out."""
    form, _ = read(text.encode(), is_known)
    uses = mapped(form, properties, (), Wanted(**{"fields": {}, **wanted}))  # type: ignore[arg-type]
    return [str(each.field or "-") for each in uses]


@pytest.mark.parametrize(("header", "fields"), EXPORTS)
def test_the_usual_exports_are_understood(header: str, fields: str) -> None:
    """Every column means what its system or language says, and what means nothing is left out."""
    row = ",".join("x" for _ in header.split(","))
    assert meanings(f"{header}\n{row}\n") == fields.split()


OTHERS = (
    ("ID,NAME,BILLINGCITY,INDUSTRY,PHONE,WEBSITE,ANNUALREVENUE", "looks like companies"),
    ("Record ID,Company name,Company owner,Create Date,Phone Number,City,Industry", "looks like companies"),
    ("Company,Phone,City", "looks like companies"),
    ("Organization - Name,Organization - Address,Organization - Phone", "looks like companies"),
    ("ID,ACCOUNTID,NAME,STAGENAME,AMOUNT,PROBABILITY,CLOSEDATE", "looks like deals"),
    ("Deal - Title,Deal - Stage,Deal - Value,Person - Email", "looks like deals"),
    ("column1,column2,column3", "No column identifies a person"),
    ("First Name,Last Name,City", "with mode `create` a name is enough"),
)


@pytest.mark.parametrize(("header", "told"), OTHERS)
def test_what_holds_no_people_is_refused_and_called_what_it_is(header: str, told: str) -> None:
    """The refusal says what would help."""
    row = ",".join("x" for _ in header.split(","))
    with pytest.raises(FileFault) as caught:
        meanings(f"{header}\n{row}\n")
    assert caught.value.code is FileCode.NO_KEY_COLUMN
    assert told in caught.value.message


def test_a_list_of_names_may_create() -> None:
    """Who says that all rows are new needs no key."""
    assert meanings("First Name,Last Name\na,b\n", creates_only=True) == ["first_name", "last_name"]


def test_the_look_of_values_is_the_second_evidence() -> None:
    """Columns of unknown names with addresses and numbers in them mean these."""
    text = "Kürzel,Kontaktweg,Draht\na,a@x.example,+49 30 1234567\nb,b@x.example,+49 30 7654321\n"
    assert meanings(text) == ["-", "email", "phone"]


def test_custom_properties_are_found_by_name_and_label() -> None:
    """Also with the mark that other systems put behind names of custom fields."""
    known = (KnownProperty("vip", "VIP customer"),)
    for name in ("VIP Customer", "vip", "Vip__c", "property:vip"):
        assert meanings(f"Email,{name}\na@x.example,x\n", known) == ["email", "property:vip"]


def test_ids_of_ours_are_keys_and_foreign_ones_are_not() -> None:
    """A column `id` is ours only if it looks so; of an unknown system it is left out."""
    ours = "01890a5d-ac96-774b-bcce-b302099a8057"
    assert meanings(f"id,Email\n{ours},a@x.example\n") == ["id", "email"]
    assert meanings("id,Email\n17,a@x.example\n") == ["-", "email"]


@pytest.mark.parametrize("name", ["role", "roles", "tenant", "tenant_id", "password", "api_key"])
def test_nothing_that_grants_is_mapped(name: str) -> None:
    """Neither by itself nor because somebody says so."""
    assert meanings(f"Email,{name}\na@x.example,admin\n") == ["email", "-"]
    with pytest.raises(FileFault):
        meanings(f"Email,{name}\na@x.example,admin\n", fields={name: name})


def test_unknown_columns_can_be_refused() -> None:
    """With the names of all of them."""
    with pytest.raises(FileFault) as caught:
        meanings("Email,Foo,Bar\na@x.example,1,2\n", unknown_is_error=True)
    assert "Foo, Bar" in caught.value.message
