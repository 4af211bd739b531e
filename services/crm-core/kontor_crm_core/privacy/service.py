"""The privacy rpc that every service answers, for the contacts kept here."""

from kontor_protos.kontor.platform.v1 import privacy_pb as pb

from kontor_crm_core.paging import scope
from kontor_crm_core.privacy.erasing import erase
from kontor_crm_core.privacy.kept import ROWS, UNTOLD, counted, mentions, page
from kontor_crm_core.privacy.subject import family, subject_of
from kontor_platform.runtime.call import Call

PAGE = 200
TOLD = [table for table in ROWS if table not in UNTOLD]


class Privacy:
    """What is kept of a person: under which ids, how much, which rows; and its erasure."""

    implements = "kontor.platform.v1.Privacy"

    async def resolve_subject(self, request: pb.ResolveSubjectRequest, call: Call) -> pb.ResolveSubjectResponse:
        """Answers a person's ids, none if they are not kept."""
        ids = [str(each) for each in await family(call, request.subject_id)]
        return pb.ResolveSubjectResponse(present_id=ids[0] if ids else "", ids=ids)

    async def count_subject(self, request: pb.CountSubjectRequest, call: Call) -> pb.CountSubjectResponse:
        """Counts rows and lists the records of others that name the person."""
        subject = await subject_of(call, request.subject_id)
        if not subject.ids:
            return pb.CountSubjectResponse()
        found = await counted(call, subject)
        return pb.CountSubjectResponse(
            tables=[pb.SubjectTable(name=name, found=number) for name, number in found.items()],
            mentioned_in=[str(each) for each in await mentions(call, subject)],
        )

    async def export_subject(self, request: pb.ExportSubjectRequest, call: Call) -> pb.ExportSubjectResponse:
        """Answers a page of rows, in the order of tables and then of the rows' hashes."""
        bound, size = scope(call, request), request.page_size or PAGE
        table, after = map(str, call.cursors.decode(request.cursor, bound)) if request.cursor else (TOLD[0], "")
        subject = await subject_of(call, request.subject_id)
        rows: list[tuple[str, str, str]] = []
        for name in TOLD[TOLD.index(table) :] if subject.ids else ():
            most = size + 1 - len(rows)
            found = await page(call, subject, name, after if name == table else "", most)
            rows += [(name, mark, row) for mark, row in found]
            if len(rows) > size:
                break
        shown = rows[:size]
        return pb.ExportSubjectResponse(
            rows=[pb.SubjectRow(table=name, json=row) for name, _, row in shown],
            next_cursor=call.cursors.encode(list(shown[-1][:2]), bound) if len(rows) > size else "",
        )

    async def erase_subject(self, request: pb.EraseSubjectRequest, call: Call) -> pb.EraseSubjectResponse:
        """Erases a person; a second call finds nothing."""
        return pb.EraseSubjectResponse(tables=await erase(call, await subject_of(call, request.subject_id)))
