"""Reads properties of a request and finds the users and records they name."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from uuid import UUID

from kontor_protos.kontor.crm.v1.common_pb import Warning
from kontor_protos.kontor.records.v1.properties_pb import PropertyInput

from kontor_crm_core.owner.directory import owners_or_why
from kontor_crm_core.refs import Ref, refs
from kontor_platform.contract.problem import JSON, Refusal
from kontor_platform.data.records.definitions import PropertyType, definitions
from kontor_platform.data.records.setting import Given, Settled, Wished, fault_of, revived, wished
from kontor_platform.data.records.values import BadValue, Reading
from kontor_platform.runtime.call import Call
from kontor_platform.runtime.principal import TenantSettings

PROPERTIED = {"task": "activity"}


def propertied(record_type: str) -> str:
    """The type whose properties a record has: tasks have those of activities."""
    return PROPERTIED.get(record_type, record_type)


def reading_of(call: Call) -> Reading:
    """The habits that values of a call are read by: its tenant's."""
    return reading_by(call.actor.settings)


def reading_by(settings: TenantSettings) -> Reading:
    """The habits of a tenant."""
    return Reading(time_zone=settings.time_zone, region=settings.region, currency=settings.currency)


async def wanted_properties(
    call: Call,
    object_type: str,
    inputs: Sequence[PropertyInput],
    cleared: Iterable[str] = (),
    *,
    path: str = "properties",
    clearing: str = "clear",
) -> Wished:
    """What a request asks of a record's properties, with all faults; call it before a record is locked.

    The definitions stay as they are until the transaction ends. `settled` then says what changes in a record.
    """
    known = await definitions(call, object_type, hold=True)
    wish = wished(known, inputs, reading_of(call), cleared, path=path, clearing=clearing)
    await find_named(call, wish)
    return wish


async def properties_given(
    call: Call, object_type: str, inputs: Sequence[PropertyInput], cleared: Iterable[str]
) -> Wished | None:
    """The same for a request that may speak of no property; None if it does not."""
    names = list(cleared)
    if not inputs and not names:
        return None
    return await wanted_properties(call, object_type, inputs, names, clearing="clear_properties")


async def find_named(call: Call, wish: Wished) -> None:
    """Puts the ids of users in the place of what names them; notes users and records that there are not."""
    await find_users(call, wish, [each for each in wish.given if each.definition.type is PropertyType.USER])
    await find_records(call, wish, [each for each in wish.given if each.definition.type is PropertyType.REFERENCE])


async def find_users(call: Call, wish: Wished, named: Sequence[Given]) -> None:
    """Puts ids in the place of what names users; notes those who are none or were deactivated."""
    if not named:
        return
    found = await owners_or_why(call, [str(each.value) for each in named])
    for each in named:
        user = found[str(each.value)]
        if isinstance(user, Refusal):
            bad = BadValue(user.code, user.message, did_you_mean=user.did_you_mean)
            wish.faults.append(fault_of(f"{each.path}.value", bad))
        else:
            wish.given[wish.given.index(each)] = replace(each, value=str(user.id))


async def find_records(call: Call, wish: Wished, named: Sequence[Given]) -> None:
    """Notes references to records that there are not, or of another type than the property names."""
    if not named:
        return
    found = await refs(call, [UUID(str(each.value)) for each in named])
    for each in named:
        if bad := misnamed(each, found):
            wish.faults.append(fault_of(f"{each.path}.value", bad))


def misnamed(given: Given, found: Mapping[UUID, Ref]) -> BadValue | None:
    """Why a reference cannot be kept."""
    ref, wanted = found.get(UUID(str(given.value))), given.definition.rules.get("reference_type")
    if ref is None or (wanted and propertied(ref.type) != wanted):
        return BadValue("match_not_found", f"There is no {wanted or 'record'} with the id {given.value}.")
    if ref.deleted:
        return BadValue("record_deleted", f"The {ref.type} {ref.name} was deleted.")
    return None


async def returning(call: Call, record_type: str, props: Mapping[str, JSON]) -> Settled:
    """What a record that comes back from the bin has of properties, as they are defined by now."""
    if not props:
        return Settled()
    known = await definitions(call, propertied(record_type), hold=True, restricted=True)
    return revived(known, props, reading_of(call))


def blank_warnings(wish: Wished) -> list[Warning]:
    """Warnings of properties given without a value."""
    return [
        Warning(code="blank_ignored", field=path, message=f"{path} is empty and was left as it is; name it in clear.")
        for path in wish.blanks
    ]
