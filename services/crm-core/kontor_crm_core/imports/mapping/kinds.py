"""Recognises from its columns which system a file comes from, and whether it holds people at all."""

from collections.abc import Collection
from dataclasses import dataclass

from kontor_crm_core.imports.mapping.synonyms import NAMES, PART_OF_NAME, squeezed
from kontor_crm_core.imports.mapping.targets import Target


def keys(text: str) -> frozenset[str]:
    """Names of columns as they are compared."""
    return frozenset(squeezed(each) for each in text.split("|"))


@dataclass(frozen=True, slots=True)
class System:
    """A system that exports contacts: columns only it has, how many tell it, and the column with its id."""

    name: str
    telling: frozenset[str]
    least: int
    ids: tuple[str, ...]


SYSTEMS = (
    System(
        "salesforce",
        keys(
            "IsDeleted|MasterRecordId|AccountId|SystemModstamp|LastModifiedById|CreatedById|OwnerId|MailingCity"
            "|ReportsToId|IsConverted|LeadSource|Salutation|MailingStreet|HasOptedOutOfEmail|Contact ID|Lead ID"
            "|18-digit ID|Account ID|ConvertedAccountId"
        ),
        2,
        ("contactid", "leadid", "18digitid", "id", "contactid18"),
    ),
    System(
        "hubspot",
        keys(
            "Record ID|Lead Status|Create Date|Original Source|Contact owner|Associated Company|Lifecycle Stage"
            "|Marketing contact status|Last Activity Date|Original Traffic Source|Record ID - Contact"
            "|Associated Company IDs|Unsubscribed from all email|Contact ID"
        ),
        3,
        ("recordid", "recordidcontact", "vid", "contactid", "hsobjectid"),
    ),
    System(
        "zoho",
        keys(
            "Record Id|Contact Owner.id|Account Name.id|Email Opt Out|Contact Id|Skype ID|Lead Owner.id"
            "|Secondary Email|Created By.id"
        ),
        2,
        ("recordid", "contactid", "leadid"),
    ),
    System(
        "pipedrive",
        keys(
            "Person - ID|Person - Name|Person - Organization|Open deals|Won deals|Next activity date|Person - Owner"
            "|Person - Email - Work"
        ),
        2,
        ("personid", "id"),
    ),
    System("mailchimp", keys("MEMBER_RATING|OPTIN_TIME|LEID|EUID|CONFIRM_TIME|OPTIN_IP|CC|LAST_CHANGED"), 2, ("euid",)),
)
COMPANY_SIGNS = keys(
    "BillingCity|BillingStreet|BillingCountry|BillingState|AnnualRevenue|Annual Revenue|NumberOfEmployees"
    "|Number of Employees|TickerSymbol|Ticker Symbol|SIC|SIC Code|Industry|AccountNumber|Account Number|ParentId"
    "|Parent Account|Parent Company|Employees|Company owner|Company domain name|Account Owner|Account Type|Founded"
    "|Year Founded|VAT|VAT Number|USt-IdNr|Branche|Umsatz|Mitarbeiter|Mitarbeiterzahl|Anzahl Mitarbeiter|Rechtsform"
    "|Handelsregister|SIRET|SIREN|Secteur|Effectif|Chiffre d'affaires|Number of Associated Contacts|People"
    "|Organization - Name|Organization - Address|ShippingCity|Shipping City|Billing City"
)
DEAL_SIGNS = keys(
    "StageName|Stage|Deal Stage|Deal Name|Deal|Deal - Title|Deal - Stage|Deal - Value|Amount|CloseDate|Close Date"
    "|Closing Date|Probability|ForecastCategory|Forecast Category|ExpectedRevenue|Expected Revenue|IsWon|IsClosed"
    "|Pipeline|Opportunity Name|Opportunity Owner|Deal Owner|Expected close date|NextStep|Next Step|Deal Type"
    "|Weighted amount|Phase|Verkaufschance|Abschlussdatum|Opportunité|Oportunidad"
)
DEALS_CALLED = keys(
    "StageName|Stage|Deal Stage|Deal Name|Deal - Title|Deal - Stage|Opportunity Name|Verkaufschance|Phase"
    "|Opportunité|Oportunidad"
)
DEALS_NAMED = keys("Deal Name|Deal - Title|Opportunity Name|StageName|Verkaufschance|Opportunité|Oportunidad")
COMPANIES_NAMED = keys(
    "Name|Company name|Account Name|Organization name|Company|Firma|Société|Organization|Organization - Name"
    "|Azienda|Empresa|Unternehmen"
)
PARTS = frozenset({"nom", "nombre", "nome"})


def system_of(columns: Collection[str]) -> System | None:
    """The system the columns tell; None if they tell none, or several alike."""
    found = {squeezed(each) for each in columns}
    scored = sorted(((len(each.telling & found), each) for each in SYSTEMS), key=lambda pair: -pair[0])
    many, best = scored[0]
    if many < best.least or not found & set(best.ids):
        return None
    return best if many > scored[1][0] or found & {best.ids[0]} else None


def holds(columns: Collection[str]) -> str:
    """What the columns speak of: `people`, `companies` or `deals`."""
    found = {squeezed(each) for each in columns}
    meant = {NAMES[each][0] for each in found if each in NAMES} | {PART_OF_NAME[each] for each in found & PARTS}
    person = meant & {Target.FIRST_NAME, Target.LAST_NAME}
    if not person and len(found & DEAL_SIGNS) >= 2 and found & (DEALS_NAMED if Target.EMAIL in meant else DEALS_CALLED):
        return "deals"
    if person or meant & {Target.EMAIL, Target.TITLE} or {Target.NAME, Target.COMPANY} <= meant:
        return "people"
    signs = len(found & COMPANY_SIGNS)
    if found & COMPANIES_NAMED and (signs >= 2 or Target.NAME not in meant):
        return "companies"
    return "people"
