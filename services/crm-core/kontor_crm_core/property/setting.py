"""Sets properties of one record."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from kontor_protos.kontor.crm.v1 import properties_pb as pb

from kontor_crm_core.deal.closed import require_open_to
from kontor_crm_core.property.terms import Worded, terms_of
from kontor_crm_core.property.wishes import blank_warnings, propertied, wanted_properties
from kontor_crm_core.record.objects import write
from kontor_crm_core.record.plans import SENTENCES
from kontor_crm_core.record.redirects import led_on
from kontor_crm_core.record.wishes import expected_version
from kontor_crm_core.record.writer import check_version, locked
from kontor_crm_core.refs import Ref, live_refs
from kontor_platform.contract.problem import JSON, InvalidField
from kontor_platform.data.records.answers import named_values, told_changes
from kontor_platform.data.records.clashes import UniqueTaken
from kontor_platform.data.records.planned import Planned
from kontor_platform.data.records.setting import Settled, Wished, after, settled, value_message
from kontor_platform.runtime.call import Call

TYPES = ("contact", "company", "deal", "task", "activity")


@dataclass(frozen=True, slots=True)
class Set:
    """What became of a record."""

    record: Ref
    version: int
    wish: Wished
    props: dict[str, JSON]
    changed: Sequence[str]

    def to_message(self) -> pb.SetPropertyResponse:
        """The answer."""
        outcome = "updated" if self.changed else "unchanged"
        sentence = SENTENCES[outcome].format(
            noun=self.record.type, name=self.record.name, fields=", ".join(self.changed)
        )
        return pb.SetPropertyResponse(
            summary=sentence,
            outcome=outcome,
            record_id=str(self.record.id),
            type=self.record.type,
            version=self.version,
            properties=[value_message(each, value) for each, value in named_values(self.wish.definitions, self.props)],
            changed=list(self.changed),
            warnings=blank_warnings(self.wish),
        )


async def set_properties(call: Call, request: pb.SetPropertyRequest) -> Set:
    """Brings the properties of a record to what is wished.

    Raises NotFound, Gone, InvalidField, VersionConflict, UniqueTaken, or DealClosed.
    """
    if not request.properties and not request.clear:
        raise InvalidField("Give at least one property, or name one in clear.", field="properties")
    record_id = UUID((await led_on(call, request, "record_id")).record_id)
    record = (await live_refs(call, [record_id], TYPES))[record_id]
    call.concerns(record_id)
    wish = await wanted_properties(call, propertied(record.type), request.properties, request.clear)
    wish.settle()
    row = await locked(call, record.type, record_id)
    present: dict[str, JSON] = dict(row["props"])
    done = settled(wish, present)
    wish.settle()
    if record.type == "deal" and row["stage_kind"] != "open":
        await require_open_to(call, row["pipeline_id"], [each.field for each in done.changes])
    changes = told_changes(wish.definitions, done.changes)
    check_version(expected_version(request), row["version"], changes)
    if not changes:
        return Set(record, row["version"], wish, present, ())
    props = after(present, done.properties)
    terms = await new_terms(call, wish, done, Worded(record_id, record.type, row["version"], props))
    planned = Planned(
        record.type, record_id, row["version"], changes=done.changes, properties=done.properties, terms=terms
    )
    version = await written(call, planned, wish)
    return Set(record, version, wish, props, [each.field for each in changes])


async def new_terms(call: Call, wish: Wished, done: Settled, record: Worded) -> dict[str, int] | None:
    """What the record is found by, where a searchable property changed."""
    searchable = {each.id for each in wish.definitions.all if each.searchable}
    if not any(each.property_id in searchable for each in done.properties):
        return None
    return (await terms_of(call, wish.definitions, [record]))[record.id]


async def written(call: Call, planned: Planned, wish: Wished) -> int:
    """The version after the record was written; raises UniqueTaken with the property's place in the request."""
    try:
        return (await write(call, planned))[planned.id].version
    except UniqueTaken as taken:
        unique = [each for each in wish.given if each.definition.is_unique]
        names = " or ".join(each.definition.name for each in unique)
        raise UniqueTaken(
            f"Another {wish.definitions.object_type} has this value of {names}.",
            field=f"{unique[0].path}.value",
            ids=taken.ids,
            details=taken.details,
            next_tool=taken.next_tool,
        ) from taken
