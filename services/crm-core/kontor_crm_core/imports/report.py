"""What an import tells: how the file was read, what became of its rows, what was wrong."""

from collections.abc import Mapping, Sequence
from typing import Any

from kontor_protos.kontor.crm.v1 import imports_pb as pb
from kontor_protos.kontor.crm.v1.common_pb import Warning

from kontor_crm_core.imports.mapping.targets import IGNORED
from kontor_crm_core.imports.preparing import Prepared
from kontor_crm_core.imports.store import RowOutcome, Run, codes, counted, troubled_rows
from kontor_platform.contract.problem import JSON
from kontor_platform.runtime.call import Call

MOST_PROBLEMS = 50
DOUBTFUL = 0.7


async def report_of(call: Call, run: Run, ready: Prepared) -> dict[str, Any]:
    """The report of an import, the same for a trial and for the import itself."""
    found = await counted(call, run.id)
    return {
        "rows": run.rows,
        **{name: found.get(name, 0) for name in ("created", "updated", "unchanged", "failed", "skipped")},
        "format": format_told(ready),
        "problems": problems_told(await troubled_rows(call, run.id, MOST_PROBLEMS)),
        "codes": [{"code": code, "count": times} for code, times in (await codes(call, run.id)).items()],
        "warnings": warnings(ready),
        "plan": run.digest,
    }


def format_told(ready: Prepared) -> dict[str, JSON]:
    """How the file was read."""
    form = ready.form
    return {
        "encoding": form.encoding.name.replace("_", "-"),
        "encoding_confidence": form.encoding.confidence,
        "delimiter": form.layout.dialect.delimiter,
        "header_line": form.header.line,
        "columns": [
            {
                "column": each.column.name,
                "field": str(each.field or ""),
                "confidence": each.confidence,
                "reason": each.reason,
            }
            for each in ready.uses
        ],
    }


def problems_told(rows: Sequence[RowOutcome]) -> list[dict[str, JSON]]:
    """The problems of rows, by their lines."""
    told: list[dict[str, JSON]] = [
        {
            "line": row.line,
            "column": each.column,
            "column_index": 0 if each.index is None else each.index + 1,
            "code": each.code,
            "message": each.message,
            "value": each.value,
            "suggestion": each.suggestion,
            "is_warning": each.is_warning,
        }
        for row in rows
        for each in row.problems
    ]
    return told[:MOST_PROBLEMS]


def warnings(ready: Prepared) -> list[dict[str, str]]:
    """What should be known of how the file was read."""
    form = ready.form
    told: list[dict[str, str]] = []
    if form.encoding.source == "guess":
        share = round(form.encoding.confidence * 100)
        name = form.encoding.name.replace("_", "-")
        message = f"The encoding was guessed as {name}, {share} % sure. Look at names with accents, or say `encoding`."
        told.append({"code": "encoding_guessed", "message": message, "field": "encoding"})
    if form.header.repeated:
        message = f"Several columns are called {', '.join(form.header.repeated)}; each but the first got a number."
        told.append({"code": "header_duplicate", "message": message, "field": "mapping"})
    left = [each.column.name for each in ready.uses if not each.field and each.column.name.lower() not in IGNORED]
    if left:
        message = f"Columns left out: {', '.join(left[:20])}. Map them, or define custom properties of their names."
        told.append({"code": "columns_unmapped", "message": message, "field": "mapping"})
    return told


def answer(
    report: Mapping[str, Any], operation: str, state: str, error_file: str | None
) -> pb.ImportContactsCsvResponse:
    """The report as a call answers it."""
    message = pb.ImportContactsCsvResponse(
        summary=summary(report, state),
        operation_id=operation,
        state=state,
        error_file_id=error_file,
        plan=report["plan"] if state == "checked" else "",
        format=file_format(report["format"]),
        problems=[pb.RowProblem(**each) for each in report["problems"]],
        codes=[pb.CodeCount(**each) for each in report["codes"]],
        warnings=[Warning(**each) for each in report["warnings"]],
    )
    for name in ("rows", "created", "updated", "unchanged", "failed", "skipped"):
        setattr(message, name, report[name])
    return message


def file_format(told: Mapping[str, Any]) -> pb.FileFormat:
    """How the file was read, as a call answers it."""
    return pb.FileFormat(**{**told, "columns": [pb.ColumnUse(**each) for each in told["columns"]]})


def summary(report: Mapping[str, Any], state: str) -> str:
    """One sentence that says what happened or would."""
    numbers = {name: report[name] for name in ("created", "updated", "unchanged", "failed", "skipped")}
    told = ", ".join(f"{count} {name}" for name, count in numbers.items() if count) or "nothing"
    verb = "Would import" if state == "checked" else "Imported"
    return f"{verb} {report['rows']} rows: {told}."
