"""The rpc methods of properties."""

from kontor_protos.kontor.crm.v1 import properties_pb as pb

from kontor_crm_core.property.answers import property_message
from kontor_crm_core.property.defining import Defined, define
from kontor_crm_core.property.listing import listed
from kontor_crm_core.property.setting import set_properties
from kontor_crm_core.record.redirects import redirected_from
from kontor_platform.runtime.call import Call


class Properties:
    """Defines, sets and lists custom properties."""

    implements = "kontor.crm.v1.Properties"

    async def define_property(self, request: pb.DefinePropertyRequest, call: Call) -> pb.DefinePropertyResponse:
        """Creates a property or changes the one of that name."""
        done = await define(call, request)
        return pb.DefinePropertyResponse(
            summary=sentence(done),
            outcome=done.outcome,
            property=await property_message(call, done.definition),
            changed=done.changed,
            warnings=done.warnings,
            conversion=done.trial.to_message() if done.trial else None,
            records=done.records,
            operation_id=done.operation or None,
        )

    async def set_property(self, request: pb.SetPropertyRequest, call: Call) -> pb.SetPropertyResponse:
        """Sets or empties properties of one record."""
        answer = (await set_properties(call, request)).to_message()
        answer.redirected_from = redirected_from(request.record_id, answer.record_id)
        return answer

    async def list_properties(self, request: pb.ListPropertiesRequest, call: Call) -> pb.ListPropertiesResponse:
        """Lists custom properties and standard fields."""
        return await listed(call, request)


def sentence(done: Defined) -> str:
    """What happened, in one sentence."""
    definition = done.definition
    name = f"{definition.object_type} property {definition.name} ({definition.type})"
    if done.operation:
        return f"The {name} is being {done.outcome}: operation {done.operation} goes through its values."
    if done.outcome == "unchanged":
        return f"The {name} is unchanged."
    records = f", {done.records} value{'s' * (done.records != 1)} gone through" if done.records else ""
    return f"The {name} was {done.outcome}{records}."
