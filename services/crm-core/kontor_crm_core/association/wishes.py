"""Which links a request asks for."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from kontor_protos.kontor.crm.v1 import associations_pb as pb

from kontor_crm_core.association.edges import edge, held
from kontor_crm_core.association.properties.rules import BadProperty, Value, read_all
from kontor_crm_core.association.rules import Edge, LabelMode, LinkWish
from kontor_crm_core.association.types.rules import ABOUT, STANDARD
from kontor_crm_core.record.redirects import led_on
from kontor_platform.contract.names import nearest
from kontor_platform.contract.problem import InvalidField
from kontor_platform.data.records.fold import clean
from kontor_platform.runtime.call import Call


@dataclass(frozen=True, slots=True)
class Wishes:
    """Links between records, and links of activities to what they are about."""

    links: Sequence[LinkWish]
    abouts: Sequence[Edge]


async def wished(call: Call, request: pb.LinkEntitiesRequest) -> Wishes:
    """The links asked for, in their types' own order; holds the records to the end of the transaction.

    Raises NotFound, Gone or InvalidField.
    """
    request = await led_on(call, request, "pairs.from_id", "pairs.to_id")
    pairs = [(UUID(pair.from_id), UUID(pair.to_id)) for pair in request.pairs]
    types = await held(call, {record for pair in pairs for record in pair})
    edges = [edge(pair, types, request.type) for pair in pairs]
    links, abouts = [], []
    for at, (each, pair) in enumerate(zip(edges, request.pairs, strict=True)):
        if each.type_key == ABOUT.key:
            abouts.append(plain(each, request, pair, at))
        else:
            links.append(wish(each, request, pair, at))
    return Wishes(links, abouts)


def wish(edge: Edge, request: pb.LinkEntitiesRequest, pair: pb.Pair, at: int) -> LinkWish:
    """One link as its pair and the request ask for it; raises InvalidField."""
    return LinkWish(
        *edge.key,
        labels=tuple(dict.fromkeys(clean(each) for each in [*request.labels, *pair.labels])),
        is_primary=request.is_primary or pair.is_primary,
        props=properties(edge.type_key, request, "properties") | properties(edge.type_key, pair, f"pairs[{at}]"),
        label_mode=LabelMode(request.label_mode or LabelMode.ADD),
    )


def plain(edge: Edge, request: pb.LinkEntitiesRequest, pair: pb.Pair, at: int) -> Edge:
    """A link of an activity, which has nothing but its ends; raises InvalidField."""
    if request.labels or request.properties or pair.labels or pair.properties:
        raise InvalidField("Links of activities have no labels and no properties.", field=f"pairs[{at}]")
    return edge


def properties(type_key: str, given: pb.LinkEntitiesRequest | pb.Pair, path: str) -> dict[str, Value | None]:
    """The properties of a link of a type; raises InvalidField."""
    known = STANDARD[type_key].properties
    try:
        return read_all(known, [(each.name, plain_value(each)) for each in given.properties])
    except BadProperty as bad:
        names = [each.name for each in known]
        meant = "" if bad.name in names else nearest(bad.name, names)
        raise InvalidField(str(bad), field=path, allowed=bad.allowed, did_you_mean=meant) from bad


def plain_value(given: pb.EdgeProperty) -> object:
    """The value as Python has it."""
    return given.value.to_python() if given.value else None
