"""Lists the fields of records, custom and standard ones."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from kontor_protos.kontor.crm.v1 import properties_pb as pb

from kontor_crm_core.paging import fitting, scope, size
from kontor_crm_core.property.answers import custom, moments, standard
from kontor_crm_core.property.rules import MOST_PER_TYPE, STANDARD, Standard
from kontor_crm_core.property.usage import Filled, filled
from kontor_platform.data.records.definitions import Definition, definitions
from kontor_platform.data.records.fold import fold
from kontor_platform.runtime.call import Call

STANDARD_ONES = "standard"
CUSTOM_ONES = "custom"


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the list."""

    object_type: str
    field: Definition | Standard

    @property
    def place(self) -> list[str]:
        """Where the row stands: custom ones first, then by type of record and name."""
        custom_one = isinstance(self.field, Definition)
        return ["0" if custom_one else "1", self.object_type, self.field.name, str(self.field.id) if custom_one else ""]  # type: ignore[union-attr]


async def listed(call: Call, request: pb.ListPropertiesRequest) -> pb.ListPropertiesResponse:
    """A page of the fields asked for."""
    rows = sorted(
        [each for each in await all_rows(call, request) if wanted(each, request)], key=lambda each: each.place
    )
    bound = scope(call, request)
    after = [str(each) for each in call.cursors.decode(request.cursor, bound)] if request.cursor else []
    rest = [each for each in rows if each.place > after]
    messages = fitting(await told(call, rest[: size(request)]))
    page = rest[: len(messages)]
    return pb.ListPropertiesResponse(
        summary=summary(rows),
        properties=list(messages),
        total=len(rows),
        most_per_type=MOST_PER_TYPE,
        next_cursor=call.cursors.encode(list(page[-1].place), bound) if len(rest) > len(page) else "",
    )


async def all_rows(call: Call, request: pb.ListPropertiesRequest) -> list[Row]:
    """Every field of the types asked for that the caller may see."""
    rows: list[Row] = []
    for object_type in [request.object_type] if request.object_type else list(STANDARD):
        if request.kind != STANDARD_ONES:
            known = await definitions(call, object_type, archived=request.include_archived)
            rows += [Row(object_type, each) for each in known.all]
        if request.kind != CUSTOM_ONES:
            rows += [Row(object_type, each) for each in STANDARD[object_type]]
    return rows


def wanted(row: Row, request: pb.ListPropertiesRequest) -> bool:
    """Tells whether a row's name or label has what is asked for."""
    text = fold(request.query)
    return not text or text in fold(row.field.name) or text in fold(row.field.label)


async def told(call: Call, page: Sequence[Row]) -> list[pb.Property]:
    """The rows of a page with what is counted of them."""
    own = [each.field for each in page if isinstance(each.field, Definition)]
    times = await moments(call, [each.id for each in own])
    counts: dict[UUID, Filled] = {}
    for object_type in {each.object_type for each in own}:
        counts |= dict(await filled(call, object_type, [each for each in own if each.object_type == object_type]))
    return [
        custom(each.field, times[each.field.id], counts[each.field.id])
        if isinstance(each.field, Definition)
        else standard(each.object_type, each.field)
        for each in page
    ]


def summary(rows: Sequence[Row]) -> str:
    """What was found, in one sentence."""
    own = sum(isinstance(each.field, Definition) for each in rows)
    return f"{own} custom propert{'y' if own == 1 else 'ies'} and {len(rows) - own} standard fields."
