"""Merges as callers see them."""

import json
from collections.abc import Mapping
from uuid import UUID

from kontor_protos.kontor.crm.v1 import duplicates_pb as pb
from kontor_protos.kontor.crm.v1.contacts_pb import Contact
from protobuf.wkt import Value

from kontor_crm_core.merge.merging import Merged
from kontor_crm_core.merge.parting import Parted
from kontor_crm_core.merge.rules import BLANK, Chosen
from kontor_crm_core.merge.values import PROPERTY
from kontor_platform.data.records.definitions import Definitions
from kontor_platform.runtime.call import Call

CHANGED = "was changed since the merge"


def merged_answer(call: Call, merged: Merged, contact: Contact) -> pb.MergeContactsResponse:
    """What a merge came to."""
    names = property_names(merged.known)
    shown = [each for each in merged.fields if shown_name(each.field, names) and (each.value not in BLANK)]
    return pb.MergeContactsResponse(
        summary=f"Merged into {contact.name}.",
        outcome="merged",
        contact=contact,
        fields=[field_message(each, shown_name(each.field, names)) for each in shown],
        counts=[
            pb.MergedCount(kind=kind, before=before, after=merged.after[kind], in_common=before - merged.after[kind])
            for kind, before in merged.before.items()
        ],
        operation_id=str(call.call_id),
    )


def field_message(chosen: Chosen, name: str) -> pb.MergedField:
    """One field with the values left aside."""
    return pb.MergedField(
        field=name,
        value=value_message(chosen.value),
        from_id=str(chosen.source),
        rejected=[
            pb.RejectedValue(contact_id=str(source), value=value_message(value)) for source, value in chosen.rejected
        ],
    )


def parted_answer(
    call: Call, parted: Parted, people: Mapping[UUID, Contact], known: Definitions
) -> pb.UnmergeContactsResponse:
    """What an unmerge came to."""
    names = property_names(known)
    contact, winner = people[parted.contact], people[parted.winner]
    return pb.UnmergeContactsResponse(
        summary=f"{contact.name} is itself again, no longer part of {winner.name}.",
        contact=contact,
        winner=winner,
        kept=[
            pb.KeptField(
                field=shown_name(each.field, names),
                merged=value_message(each.merged),
                present=value_message(each.present),
                reason=CHANGED,
            )
            for each in parted.kept
            if shown_name(each.field, names)
        ],
        counts=[
            pb.PartedCount(kind=kind, winner=winner_count, contact=count)
            for kind, (winner_count, count) in parted.counts.items()
        ],
        operation_id=str(call.call_id),
    )


def property_names(known: Definitions) -> Mapping[str, str]:
    """The names of properties by what the change log calls them."""
    return {each.log_name: each.name for each in known.all}


def shown_name(field: str, names: Mapping[str, str]) -> str:
    """A field as callers know it; empty for a property that is archived."""
    return names.get(field, "") if field.startswith(PROPERTY) else field


def value_message(value: object) -> Value:
    """A value of the change log as a message."""
    return Value.from_json(json.dumps(value))
