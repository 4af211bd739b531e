"""What requests to log calls, meetings and e-mail have in common."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from kontor_protos.kontor.crm.v1.activities_pb import UnknownParticipant
from kontor_protos.kontor.crm.v1.common_pb import RecordRef, Warning
from protobuf import Message

from kontor_crm_core.activity.guests import Party, gathered
from kontor_crm_core.activity.people import Person
from kontor_crm_core.activity.writing import Saved
from kontor_platform.contract.problem import InvalidField
from kontor_platform.data.records.fold import clean
from kontor_platform.runtime.call import Call


@dataclass(frozen=True, slots=True)
class Engaged:
    """A saved engagement with the people in it and what the caller should know."""

    saved: Saved
    party: Party | None
    warnings: list[Warning]

    @property
    def unknown(self) -> list[UnknownParticipant]:
        """The people that are no known contact."""
        return self.party.unknown() if self.party else []

    async def made(self, call: Call) -> list[RecordRef]:
        """The contacts made of people nobody knew."""
        return await self.party.made_refs(call) if self.party else []


def ids(given: Iterable[str]) -> list[UUID]:
    """Ids of a request, each once."""
    return list(dict.fromkeys(UUID(each) for each in given))


def texts(request: Message, names: Sequence[str]) -> dict[str, object]:
    """The text columns that a request gives."""
    given = {name: clean(getattr(request, name)) for name in names}
    return {name: value for name, value in given.items() if value}


def cleared(values: dict[str, object], clear: Iterable[str], columns: Mapping[str, str]) -> dict[str, object]:
    """The values with those to be emptied; `columns` are named otherwise by callers. Raises InvalidField."""
    for name in clear:
        column = columns.get(name, name)
        if column in values:
            raise InvalidField(f"{name} is both given and cleared; leave one of them out.", field="clear")
        values[column] = None
    return values


async def partied(call: Call, people: Sequence[Person] | None, *, create_missing: bool) -> Party | None:
    """The people with the contacts they are, None where the request names none."""
    return None if people is None else await gathered(call, people, create_missing=create_missing)
