"""The first pass: the rows of a file as wishes, with what tells them apart."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from kontor_crm_core.imports.codes import ValueCode
from kontor_crm_core.imports.options import ImportOptions
from kontor_crm_core.imports.preparing import Prepared
from kontor_crm_core.imports.problems import Problem
from kontor_crm_core.imports.reading.rows import Row
from kontor_crm_core.imports.values.rows import RowPlan
from kontor_crm_core.imports.values.wish import RowWish, kept, keys
from kontor_platform.data.records.definitions import Definition
from kontor_platform.data.records.stage import Staged
from kontor_platform.data.records.values import unique_key
from kontor_platform.runtime.principal import TenantSettings

# So many companies of one address domain in a file say that the domain belongs to none of them, as a provider's.
CROWD = 5
MOST_DOMAINS = 50_000


@dataclass(frozen=True, slots=True)
class Stager:
    """Turns rows into what is staged of them; `named` gathers the companies named beside each address domain."""

    plan: RowPlan
    match_on: frozenset[str]
    unique: Mapping[str, Definition]
    named: dict[str, set[str]] = field(default_factory=dict)

    @property
    def shared_domains(self) -> list[str]:
        """The domains at which the rows so far name so many companies that they identify none."""
        return sorted(domain for domain, names in self.named.items() if len(names) >= CROWD)

    def staged(self, rows: Iterable[Row]) -> Iterator[Staged]:
        """What is staged of rows, in their order."""
        for row in rows:
            wish, problems = self.plan.read(row)
            if not problems and not wish.says_something:
                problems = [nothing()]
            failed = any(not each.is_warning for each in problems)
            if wish.company and not wish.company_domain:
                self.note_company(wish)
            yield Staged(
                row.line,
                json.dumps(row.cells, ensure_ascii=False),
                "" if failed else kept(wish),
                json.dumps([each.to_json() for each in problems], ensure_ascii=False) if problems else "",
                () if failed else keys(wish, self.match_on, self.unique_keys(wish)),
                failed,
            )

    def note_company(self, wish: RowWish) -> None:
        """Notes which company a row names beside its addresses."""
        for email in wish.emails:
            if email.company_domain in self.named or len(self.named) < MOST_DOMAINS:
                names = self.named.setdefault(email.company_domain, set())
                if len(names) < CROWD:
                    names.add(wish.company.casefold())

    def unique_keys(self, wish: RowWish) -> dict[str, str]:
        """The values of properties that may stand once only."""
        if not self.unique:
            return {}
        told = {
            name: unique_key(self.unique[name], value) for name, value in wish.properties.items() if name in self.unique
        }
        return {name: key for name, key in told.items() if key}


def nothing() -> Problem:
    """The problem of a row that says nothing about a person."""
    told = "The row has no name, address, number or id, so there is nobody to import."
    return Problem(ValueCode.REQUIRED_MISSING, told, suggestion="Fill one of the mapped columns, or delete the row.")


def stager(ready: Prepared, options: ImportOptions, settings: TenantSettings) -> Stager:
    """What stages the rows of a file."""
    unique = {str(each.id): each for each in ready.definitions.all if each.is_unique}
    return Stager(ready.plan(options, settings), frozenset(map(str, options.keys)), unique)
