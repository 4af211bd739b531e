"""Looks at a file and settles how it is read, before any row is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kontor_crm_core.imports.mapping.mapping import Wanted, is_known, mapped
from kontor_crm_core.imports.mapping.suggest import Column, KnownProperty, Use
from kontor_crm_core.imports.mapping.targets import field_named
from kontor_crm_core.imports.options import ImportOptions
from kontor_crm_core.imports.reading.dialect import Layout
from kontor_crm_core.imports.reading.encoding import Encoding
from kontor_crm_core.imports.reading.header import Header
from kontor_crm_core.imports.reading.rows import Dialect
from kontor_crm_core.imports.reading.table import Format, format_of
from kontor_crm_core.imports.values.rows import RowPlan, compiled
from kontor_platform.data.records.definitions import Definitions
from kontor_platform.runtime.principal import TenantSettings


@dataclass(frozen=True, slots=True)
class Prepared:
    """How a file is read: its format, what its columns mean, and the properties they fill."""

    form: Format
    uses: Sequence[Use]
    definitions: Definitions

    @property
    def is_ours(self) -> bool:
        """Whether the file is an export of our own, whose cells are guarded."""
        return self.form.layout.is_ours

    def plan(self, options: ImportOptions, settings: TenantSettings) -> RowPlan:
        """How its rows are read."""
        return compiled(
            self.uses,
            self.definitions.by_name,
            options.reading(settings, ours=self.is_ours),
            guarded=self.is_ours,
            clears=options.blank_cells == "clear",
        )


def prepared(
    head: bytes, encoding: Encoding, options: ImportOptions, definitions: Definitions, *, whole: bool
) -> Prepared:
    """How a file is read, by its first bytes; raises FileFault."""

    def known(name: str) -> bool:
        return is_known(name) or definitions.find(name) is not None

    form = format_of(head, encoding, options.wishes, known, whole=whole)
    saved = {name: field for name, field in options.saved.items() if name in form.columns}
    wanted = Wanted(saved | dict(options.fields), options.unknown_column == "error", options.mode == "create")
    properties = [KnownProperty(each.name, each.label) for each in definitions.all]
    unique = {each.name for each in definitions.all if each.is_unique}
    return Prepared(form, mapped(form, properties, unique, wanted), definitions)


def kept(ready: Prepared) -> dict[str, Any]:
    """How a file is read, as it is kept between the passes."""
    form = ready.form
    return {
        "encoding": [form.encoding.name, form.encoding.confidence, form.encoding.source, form.encoding.mark],
        "dialect": [form.layout.dialect.delimiter, form.layout.dialect.spaced, form.layout.dialect.escaped],
        "width": form.layout.width,
        "declared": form.layout.declared,
        "ours": form.layout.is_ours,
        "header": [list(form.header.names), list(form.header.raw), form.header.line],
        "uses": [[str(each.field or ""), each.confidence, each.reason] for each in ready.uses],
        "repeated": list(form.header.repeated),
    }


def prepared_before(form: Mapping[str, Any], definitions: Definitions) -> Prepared:
    """How a file is read, as it was kept."""
    names, raw, line = form["header"]
    header = Header(tuple(names), tuple(raw), line, tuple(form["repeated"]))
    layout = Layout(Dialect(*form["dialect"]), form["width"], form["declared"], form["ours"])
    uses = [
        Use(Column(at, name), field_named(field), confidence, reason)
        for at, (name, (field, confidence, reason)) in enumerate(zip(names, form["uses"], strict=True))
    ]
    return Prepared(Format(Encoding(*form["encoding"]), layout, header), uses, definitions)
