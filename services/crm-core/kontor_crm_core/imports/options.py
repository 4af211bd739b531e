"""What a caller wants of an import, in a form that is kept beside it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from kontor_protos.kontor.crm.v1 import imports_pb as pb

from kontor_crm_core.imports.reading.table import Wishes
from kontor_crm_core.record.matching import MatchKey
from kontor_platform.data.records.reading.basis import DateOrder
from kontor_platform.data.records.values import DecimalMark, Reading
from kontor_platform.runtime.principal import TenantSettings

KEYS = (MatchKey.ID, MatchKey.EXTERNAL_ID, MatchKey.EMAIL, MatchKey.PHONE, MatchKey.PROPERTY)


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """The options of one import; `fields` are said for it and must fit, `saved` ones count where their columns are."""

    mode: str = "upsert"
    match_on: Sequence[str] = ()
    blank_cells: str = "leave"
    decimal_mark: str = ""
    date_format: str = ""
    phone_region: str = ""
    time_zone: str = ""
    repeats: str = "first"
    owner: str = ""
    segment: str = ""
    max_errors: int = 0
    unknown_column: str = "ignore"
    create_companies: bool = True
    encoding: str = ""
    delimiter: str = ""
    plan: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)
    saved: Mapping[str, str] = field(default_factory=dict)

    @property
    def keys(self) -> frozenset[MatchKey]:
        """The keys that may find a contact."""
        return frozenset(map(MatchKey, self.match_on)) or frozenset(KEYS)

    @property
    def wishes(self) -> Wishes:
        """What is said about the file."""
        return Wishes(self.encoding, self.delimiter)

    def reading(self, settings: TenantSettings, *, ours: bool) -> Reading:
        """How values are read; files of our own write numbers as programs do."""
        mark = DecimalMark(self.decimal_mark) if self.decimal_mark else DecimalMark.UNKNOWN
        return Reading(
            time_zone=self.time_zone or settings.time_zone,
            region=self.phone_region or settings.region,
            currency=settings.currency,
            decimal_mark=DecimalMark.PROGRAM if ours and not self.decimal_mark else mark,
            date_format=DateOrder(self.date_format),
        )

    def to_json(self) -> dict[str, Any]:
        """The options as they are kept."""
        return asdict(self) | {"match_on": list(self.match_on)}


def options_kept(kept: Mapping[str, Any]) -> ImportOptions:
    """Options that were kept."""
    return ImportOptions(**kept)


def options_of(request: pb.ImportContactsCsvRequest, saved: Mapping[str, str]) -> ImportOptions:
    """The options a request gives, over a mapping saved before."""
    return ImportOptions(
        mode=request.mode or "upsert",
        match_on=list(request.match_on),
        blank_cells=request.blank_cells or "leave",
        decimal_mark=request.decimal_mark,
        date_format=request.date_format,
        phone_region=request.phone_region,
        time_zone=request.time_zone,
        repeats=request.repeats or "first",
        owner=request.owner,
        segment=request.segment,
        max_errors=request.max_errors,
        unknown_column=request.unknown_column or "ignore",
        create_companies=request.create_companies if request.has_field("create_companies") else True,
        encoding=request.encoding,
        delimiter=request.delimiter,
        plan=request.plan,
        fields={each.column: each.field for each in request.mapping},
        saved=dict(saved),
    )
