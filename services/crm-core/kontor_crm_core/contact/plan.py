"""What a wish makes of a contact, and what is to be written for it."""

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from kontor_protos.kontor.crm.v1.common_pb import Warning

from kontor_crm_core.contact.rules import consented, ends_unfounded
from kontor_crm_core.contact.state import Address, ContactState, Employer
from kontor_crm_core.contact.terms import contact_terms
from kontor_crm_core.contact.wanted import TEXTS, WantedContact
from kontor_crm_core.identity.parse import Phone
from kontor_crm_core.record.objects import EMAILS, FOREIGN, PHONES
from kontor_crm_core.record.plans import (
    Options,
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
from kontor_platform.data.records.planned import Planned, PropertyChange, Row, Shelf, ShelfChange


def plan_upsert(
    present: ContactState | None, wanted: WantedContact, options: Options, new_id: UUID, employer: Employer | None
) -> Upserted[ContactState]:
    """What a wish makes of a contact, a new one under `new_id`; `employer` is the company it works for afterwards.

    Raises InvalidField for an address spoken of that the contact will not have, and for properties that it must have.
    """
    after = wished(present or ContactState(new_id, owner_id=options.owner), wanted, options, employer)
    warnings = downgrades(after.emails, present.emails if present else (), wanted)
    if present is None:
        require_properties(after.props, options)
    plan = plan_change(present, after, wanted.wish.properties, options)
    return replace(plan, warnings=warnings) if warnings else plan


def wished(present: ContactState, wanted: WantedContact, options: Options, employer: Employer | None) -> ContactState:
    """The contact after a wish."""
    wish = wanted.wish
    return replace(
        present,
        **fields_after(wish, TEXTS),
        owner_id=owner_after(wish, present.owner_id, options),
        emails=addresses_after(present.emails, wanted),
        phones=phones_after(present.phones, wanted),
        external_ids=ids_after(present.external_ids, wish),
        props=properties_after(present.props, wish.properties),
        company=employer or present.company,
    )


def phones_after(present: Sequence[Phone], wanted: WantedContact) -> Sequence[Phone]:
    """The numbers of a contact after a wish."""
    kept = () if "phones" in wanted.wish.clear else present
    return combined(kept, wanted.phones, wanted.wish.mode, lambda each: each.key) if wanted.phones else kept


def addresses_after(present: Sequence[Address], wanted: WantedContact) -> Sequence[Address]:
    """The addresses of a contact after a wish; raises InvalidField for one spoken of that is not among them."""
    kept: Sequence[Address] = () if "emails" in wanted.wish.clear else present
    if wanted.emails:
        given = [Address(each.raw, each.key) for each in wanted.emails]
        kept = combined(kept, given, wanted.wish.mode, lambda each: each.key)
    if not wanted.states:
        return kept
    states = {each.key: each for each in wanted.states}
    for key in states.keys() - {each.key for each in kept}:
        raise InvalidField(f"{key} is not an address of this contact.", field=states[key].path)
    return [
        replace(each, consent=consented(each.consent, states[each.key].wish)) if each.key in states else each
        for each in kept
    ]


def downgrades(after: Sequence[Address], before: Sequence[Address], wanted: WantedContact) -> list[Warning]:
    """What is said of opt-outs that a wish would have ended without a ground."""
    if not wanted.states:
        return []
    held = {each.key: each for each in before}
    return [
        Warning(
            code="consent_downgrade",
            message=f"{held[each.key].raw} stays opted out; say in consent_basis on what ground mail may go again.",
            field=each.path,
        )
        for each in wanted.states
        if each.key in held and ends_unfounded(held[each.key].consent, each.wish)
    ]


def plan_change(
    before: ContactState | None, after: ContactState, properties: Sequence[PropertyChange], options: Options
) -> Upserted[ContactState]:
    """What is to be written so that a contact is as it shall be; `properties` are the ones that may have changed."""
    if before is None:
        return creation(after, properties, options)
    props = property_changes(before.props, properties, options)
    told = told_properties(before.props, props), told_properties(after.props, props)
    changes = differences(before.told() | told[0], after.told() | told[1])
    moved = company_id(before) != company_id(after)
    if not changes:
        return moved_only(before, after, options) if moved else Upserted(after, "unchanged", ())
    planned = Planned(
        "contact",
        after.id,
        before.version,
        values=changed_columns(before, after),
        changes=changes,
        shelves=shelf_changes(shelves(before), shelves(after)),
        properties=props,
        terms=contact_terms(after, searched(after.props, options)),
    )
    return Upserted(after, "updated", [*told_names(changes, options), *(["company"] if moved else [])], planned)


def creation(after: ContactState, properties: Sequence[PropertyChange], options: Options) -> Upserted[ContactState]:
    """What is to be written for a new contact."""
    props = property_changes({}, properties, options)
    changes = beginnings(after.told() | told_properties(after.props, props))
    planned = Planned(
        "contact",
        after.id,
        0,
        values=columns(after),
        changes=changes,
        shelves=[ShelfChange(shelf, added=rows) for shelf, rows in shelves(after) if rows],
        properties=props,
        terms=contact_terms(after, searched(after.props, options)),
    )
    changed = told_names(changes, options)
    return Upserted(after, "created", [*changed, "company"] if after.company else changed, planned)


def moved_only(before: ContactState, after: ContactState, options: Options) -> Upserted[ContactState]:
    """What becomes of a contact of which only the company changes: its version stays, its terms follow."""
    return Upserted(after, "updated", ["company"], retold=retold(after, options))


def retold(state: ContactState, options: Options) -> Planned:
    """A contact as it stands, with the terms it is found by."""
    return Planned("contact", state.id, state.version, terms=contact_terms(state, searched(state.props, options)))


def company_id(state: ContactState) -> UUID | None:
    """The company a contact works for."""
    return state.company.id if state.company else None


def columns(state: ContactState) -> dict[str, object]:
    """A contact as its table holds it."""
    name = state.name
    return {
        "name": name,
        "name_key": fold(name),
        "first_name": state.first_name,
        "last_name": state.last_name,
        "title": state.title,
        "city": state.city,
        "country": state.country,
        "owner_id": state.owner_id,
    }


def changed_columns(before: ContactState, after: ContactState) -> dict[str, object]:
    """The columns that differ."""
    present = columns(before)
    return {name: value for name, value in columns(after).items() if present[name] != value}


def shelves(state: ContactState) -> tuple[tuple[Shelf, list[Row]], ...]:
    """What identifies a contact, as it is stored."""
    return (
        (EMAILS, [email_row(each, at) for at, each in enumerate(state.emails)]),
        (PHONES, [phone_row(each, at) for at, each in enumerate(state.phones)]),
        (FOREIGN, foreign_rows("contact", state.external_ids)),
    )


def email_row(address: Address, at: int) -> Row:
    """An address as it is stored."""
    consent = address.consent
    return {
        "email_key": address.key,
        "raw": address.raw,
        "position": at,
        "opted_out": consent.opted_out,
        "bounced": consent.bounced,
        "consent_basis": consent.basis,
    }


def phone_row(phone: Phone, at: int) -> Row:
    """A number as it is stored."""
    return {
        "phone_key": phone.key,
        "raw": phone.raw,
        "e164": phone.e164,
        "national_digits": phone.national_digits,
        "ext": phone.ext,
        "region": phone.region,
        "position": at,
    }
