"""What a wish makes of a company, and what is to be written for it."""

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from kontor_crm_core.company.state import CompanyState
from kontor_crm_core.company.terms import company_terms
from kontor_crm_core.company.wanted import COLUMNS, WantedCompany
from kontor_crm_core.record.objects import DOMAINS, FOREIGN
from kontor_crm_core.record.plans import (
    Options,
    Shelves,
    Upserted,
    beginnings,
    differences,
    fields_after,
    foreign_rows,
    ids_after,
    owner_after,
    properties_after,
    property_changes,
    require_properties,
    searched,
    shelf_changes,
    told_names,
    told_properties,
)
from kontor_crm_core.record.values import combined
from kontor_platform.contract.problem import InvalidField
from kontor_platform.data.records.fold import fold
from kontor_platform.data.records.planned import Planned, PropertyChange, ShelfChange


def plan_upsert(
    present: CompanyState | None, wanted: WantedCompany, options: Options, new_id: UUID
) -> Upserted[CompanyState]:
    """What a wish makes of a company, a new one under `new_id`; raises InvalidField for a new one without a name."""
    if present is None and not wanted.name:
        raise InvalidField("No company has these keys, and a new one needs a name.", field="name")
    after = wished(present or CompanyState(new_id, owner_id=options.owner), wanted, options)
    if present is None:
        require_properties(after.props, options)
    return plan_change(present, after, wanted.wish.properties, options)


def wished(present: CompanyState, wanted: WantedCompany, options: Options) -> CompanyState:
    """The company after a wish."""
    wish = wanted.wish
    domains = () if "domains" in wish.clear else present.domains
    return replace(
        present,
        **fields_after(wish, COLUMNS),
        owner_id=owner_after(wish, present.owner_id, options),
        domains=combined(domains, wanted.domains, wish.mode, str) if wanted.domains else domains,
        external_ids=ids_after(present.external_ids, wish),
        props=properties_after(present.props, wish.properties),
    )


def plan_change(
    before: CompanyState | None, after: CompanyState, properties: Sequence[PropertyChange], options: Options
) -> Upserted[CompanyState]:
    """What is to be written so that a company is as it shall be; `properties` are the ones that may have changed."""
    if before is None:
        return creation(after, properties, options)
    props = property_changes(before.props, properties, options)
    told = told_properties(before.props, props), told_properties(after.props, props)
    changes = differences(before.told() | told[0], after.told() | told[1])
    if not changes:
        return Upserted(after, "unchanged", ())
    present = columns(before)
    planned = Planned(
        "company",
        after.id,
        before.version,
        values={name: value for name, value in columns(after).items() if present[name] != value},
        changes=changes,
        shelves=shelf_changes(shelves(before), shelves(after)),
        properties=props,
        terms=company_terms(after, options.region, searched(after.props, options)),
    )
    return Upserted(after, "updated", told_names(changes, options), planned)


def creation(after: CompanyState, properties: Sequence[PropertyChange], options: Options) -> Upserted[CompanyState]:
    """What is to be written for a new company."""
    props = property_changes({}, properties, options)
    changes = beginnings(after.told() | told_properties(after.props, props))
    planned = Planned(
        "company",
        after.id,
        0,
        values=columns(after),
        changes=changes,
        shelves=[ShelfChange(shelf, added=rows) for shelf, rows in shelves(after) if rows],
        properties=props,
        terms=company_terms(after, options.region, searched(after.props, options)),
    )
    return Upserted(after, "created", told_names(changes, options), planned)


def retold(state: CompanyState, options: Options) -> Planned:
    """A company as it stands, with the terms it is found by."""
    terms = company_terms(state, options.region, searched(state.props, options))
    return Planned("company", state.id, state.version, terms=terms)


def columns(state: CompanyState) -> dict[str, object]:
    """A company as its table holds it."""
    return {
        "name": state.name,
        "name_key": fold(state.name),
        "industry": state.industry,
        "employees": state.employees,
        "phone": state.phone,
        "city": state.city,
        "country": state.country,
        "description": state.description,
        "owner_id": state.owner_id,
    }


def shelves(state: CompanyState) -> Shelves:
    """What identifies a company, as it is stored."""
    return (
        (DOMAINS, [{"domain": domain, "position": at} for at, domain in enumerate(state.domains)]),
        (FOREIGN, foreign_rows("company", state.external_ids)),
    )
