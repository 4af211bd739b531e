"""Accounts and opportunities of a Salesforce export, turned into the arguments of our tools."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from kontor_cli.demo.tables import TableFile, read_table

SYSTEM = "salesforce"
ACCOUNT_COLUMNS = ("ID", "NAME")
OPPORTUNITY_COLUMNS = ("ID", "NAME", "STAGENAME")
MAX_NAME = 200
MAX_DESCRIPTION = {"company": 5_000, "deal": 10_000}
Arguments = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Account:
    """A company of the export."""

    id: str
    name: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Opportunity:
    """A deal of the export; `stage` is the name it has there."""

    id: str
    name: str
    account_id: str
    stage: str
    probability: int | None
    is_closed: bool
    is_won: bool
    arguments: Mapping[str, Any]
    closing: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Export:
    """Both files."""

    files: Sequence[TableFile]
    accounts: Sequence[Account]
    opportunities: Sequence[Opportunity]

    def limited(self, count: int) -> "Export":
        """The first opportunities with their accounts, and further accounts up to the count."""
        deals = self.opportunities[:count]
        needed = {each.account_id for each in deals}
        ordered = sorted(self.accounts, key=lambda each: each.id not in needed)
        return Export(self.files, ordered[: max(count, len(needed))], deals)


def read_export(accounts: Path, opportunities: Path) -> Export:
    """Reads both files; raises Failure."""
    files = (read_table(accounts, ACCOUNT_COLUMNS), read_table(opportunities, OPPORTUNITY_COLUMNS))
    live = [[row for row in each.rows if row["ID"] and row.get("ISDELETED", "").lower() != "true"] for each in files]
    companies = [account_of(row) for row in live[0]]
    known = {each.id for each in companies}
    return Export(files, companies, [opportunity_of(row, known) for row in live[1]])


def account_of(row: Mapping[str, str]) -> Account:
    """A company from a row."""
    given: Arguments = {
        "name": row["NAME"][:MAX_NAME],
        "domain": row.get("WEBSITE", ""),
        "industry": row.get("INDUSTRY", ""),
        "employees": whole(row.get("NUMBEROFEMPLOYEES", "")),
        "phone": row.get("PHONE", ""),
        "city": row.get("BILLINGCITY", ""),
        "country": row.get("BILLINGCOUNTRY", ""),
        "description": row.get("DESCRIPTION", "")[: MAX_DESCRIPTION["company"]],
        "external_ids": [external(row["ID"])],
    }
    return Account(row["ID"], row["NAME"], filled(given))


def opportunity_of(row: Mapping[str, str], accounts: Iterable[str]) -> Opportunity:
    """A deal from a row; `accounts` are the ids that a deal may be linked to."""
    account = row.get("ACCOUNTID", "")
    given: Arguments = {
        "name": row["NAME"][:MAX_NAME],
        "amount": amount(row.get("AMOUNT", "")),
        "close_date": day_text(row.get("CLOSEDATE", "")),
        "description": row.get("DESCRIPTION", "")[: MAX_DESCRIPTION["deal"]],
        "company_external_id": external(account) if account in accounts else None,
        "external_ids": [external(row["ID"])],
        "opened_at": moment_text(row.get("CREATEDDATE", "")),
    }
    won = row.get("ISWON", "").lower() == "true"
    closed = row.get("ISCLOSED", "").lower() == "true"
    return Opportunity(
        id=row["ID"],
        name=row["NAME"],
        account_id=account,
        stage=row["STAGENAME"],
        probability=whole(row.get("PROBABILITY", "").partition(".")[0]),
        is_closed=closed,
        is_won=won,
        arguments=filled(given),
        closing=closing(row, won=won) if closed else {},
    )


def closing(row: Mapping[str, str], *, won: bool) -> Arguments:
    """When a closed deal was opened and closed, and why; a deal typed in after its close was open before it."""
    reason = {} if won else {"reason": f"{row['STAGENAME']} in Salesforce"}
    closed_on = day_of(row.get("CLOSEDATE", ""))
    if closed_on is None:
        return reason
    closed_at = min(datetime.combine(closed_on, time(), UTC), datetime.now(UTC))
    opened_at = min(moment(row.get("CREATEDDATE", "")) or closed_at, closed_at)
    return reason | {"closed_at": closed_at.isoformat(), "opened_at": opened_at.isoformat()}


def external(value: str) -> dict[str, str]:
    """An id in the other system."""
    return {"system": SYSTEM, "value": value}


def filled(given: Arguments) -> Arguments:
    """What has a value."""
    return {name: value for name, value in given.items() if value not in (None, "", [])}


def whole(text: str) -> int | None:
    """A whole number, if the text is one."""
    return int(text) if text.isdecimal() else None


def amount(text: str) -> str:
    """An amount with two decimals as our tools take it; empty if the text is none or below zero."""
    try:
        value = Decimal(text)
    except InvalidOperation:
        return ""
    return f"{value:.2f}" if value.is_finite() and value >= 0 else ""


def day_of(text: str) -> date | None:
    """The day of a date or a moment in ISO 8601."""
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        return None


def day_text(text: str) -> str:
    """The day as our tools take it; empty if there is none."""
    day = day_of(text)
    return day.isoformat() if day else ""


def moment(text: str) -> datetime | None:
    """A moment in ISO 8601, in UTC where it names no offset."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def moment_text(text: str) -> str:
    """The moment as our tools take it; empty if there is none."""
    found = moment(text)
    return found.isoformat() if found else ""
