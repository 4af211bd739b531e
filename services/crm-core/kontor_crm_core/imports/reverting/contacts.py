"""Gives contacts back the fields they had before an import."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from kontor_crm_core.contact.rules import Consent
from kontor_crm_core.contact.state import Address, ContactState
from kontor_crm_core.identity.parse import Phone, Unreadable, parse_email, parse_phone
from kontor_crm_core.imports.reverting.rules import JSON
from kontor_crm_core.record.lookups import ForeignId
from kontor_platform.data.records.definitions import Definition
from kontor_platform.data.records.planned import PropertyChange
from kontor_platform.data.records.values import change

PROPERTY = "property:"
TEXTS = ("first_name", "last_name", "title", "city", "country")


def told(state: ContactState) -> dict[str, JSON]:
    """All fields of a contact as the change log tells them, properties among them."""
    return dict(state.told()) | {f"{PROPERTY}{name}": value for name, value in state.props.items()}


def with_fields(state: ContactState, fields: Mapping[str, JSON], region: str) -> ContactState:
    """The contact with fields as the change log told them."""
    back: dict[str, Any] = {name: fields[name] or None for name in TEXTS if name in fields}
    after = replace(state, **back)
    if "owner_id" in fields:
        after = replace(after, owner_id=UUID(str(fields["owner_id"])) if fields["owner_id"] else None)
    if "emails" in fields:
        after = replace(after, emails=[address(each, state.emails) for each in texts(fields["emails"])])
    if "email_states" in fields:
        after = replace(after, emails=[with_consent(each, fields["email_states"]) for each in after.emails])
    if "phones" in fields:
        after = replace(after, phones=[phone(each, state.phones, region) for each in texts(fields["phones"])])
    if "external_ids" in fields:
        after = replace(after, external_ids=[foreign(each) for each in texts(fields["external_ids"])])
    return replace(after, props=props_with(state.props, fields))


def texts(value: JSON) -> list[str]:
    """A list of texts as the change log told it."""
    return [str(each) for each in value] if isinstance(value, Sequence) and not isinstance(value, str) else []


def address(raw: str, present: Sequence[Address]) -> Address:
    """An address by its text, the present one if it has it."""
    held = next((each for each in present if each.raw == raw), None)
    if held:
        return held
    try:
        return Address(raw, parse_email(raw).key)
    except Unreadable:
        return Address(raw, raw.lower())


def with_consent(held: Address, states: JSON) -> Address:
    """An address with what was known of it."""
    for each in states if isinstance(states, Sequence) and not isinstance(states, str) else ():
        if isinstance(each, Mapping) and each["address"] == held.raw:
            basis = each["consent_basis"]
            consent = Consent(bool(each["opted_out"]), bool(each["bounced"]), str(basis) if basis else None)
            return replace(held, consent=consent)
    return replace(held, consent=Consent())


def phone(raw: str, present: Sequence[Phone], region: str) -> Phone:
    """A number by its text, the present one if it has it."""
    return next((each for each in present if each.raw == raw), None) or parse_phone(raw, region)


def foreign(text: str) -> ForeignId:
    """An id in another system by its text."""
    system, _, value = text.partition(":")
    return ForeignId(system, value)


def props_with(present: Mapping[str, JSON], fields: Mapping[str, JSON]) -> dict[str, JSON]:
    """The stored properties with those of the fields."""
    given = {name.removeprefix(PROPERTY): value for name, value in fields.items() if name.startswith(PROPERTY)}
    return {name: value for name, value in (dict(present) | given).items() if value is not None}


def property_changes(fields: Mapping[str, JSON], definitions: Mapping[UUID, Definition]) -> list[PropertyChange]:
    """What is to be written of properties; one without definition is only taken away."""
    given = {UUID(name.removeprefix(PROPERTY)): value for name, value in fields.items() if name.startswith(PROPERTY)}
    return [
        change(definitions[key], value) if key in definitions else PropertyChange(key, value)
        for key, value in given.items()
    ]
