"""People are found by the present name of their company: at once where they are few, else when a job is done."""

from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any
from uuid import UUID

import pytest
from kontor_protos.kontor.crm.v1.companies_pb import UpsertCompanyRequest
from kontor_protos.kontor.crm.v1.contacts_pb import UpsertContactRequest
from sqlalchemy import text

from kontor_crm_core.company.renaming import MOST_IN_CALL, run_reindex
from kontor_crm_core.company.upserting import upsert_company
from kontor_crm_core.company.wanted import wanted_company
from kontor_crm_core.contact.upserting import plan_contacts, write_contacts
from kontor_crm_core.contact.wanted import wanted_contact
from kontor_platform.runtime.principal import Principal
from kontor_platform.runtime.work import JobOver, Work

from .conftest import BERLIN, person
from .inside import calling, working

FOUND = """
    SELECT (SELECT count(*) FROM search_term WHERE tenant_id = :tenant AND object_type = 'contact' AND term = 'acme')
            AS old,
        (SELECT count(*) FROM search_term WHERE tenant_id = :tenant AND object_type = 'contact' AND term = 'globex')
            AS new,
        (SELECT max(version) FROM contact WHERE tenant_id = :tenant) AS version
"""
JOBS = "SELECT id, state, position, counters FROM operation WHERE tenant_id = :tenant AND kind = 'reindex'"


@pytest.fixture
async def work(stack: Any) -> AsyncIterator[Work]:
    """What jobs of the running service work with."""
    async with working(stack) as work:
        yield work


async def staffed(work: Work, ada: Principal, people: int) -> None:
    """Makes a company and so many people who work for it."""
    for start in range(0, people, 1000):
        numbers = range(start, min(start + 1000, people))
        requests = [
            UpsertContactRequest(email=f"p{at}@b.test", company="Acme", company_domain="acme.test", create_company=True)
            for at in numbers
        ]
        async with calling(work, ada) as call:
            wanted = [wanted_contact(each, BERLIN) for each in requests]
            await write_contacts(call, await plan_contacts(call, wanted, [None] * len(wanted)))


async def renamed(work: Work, ada: Principal) -> list[str]:
    """Gives the company another name and answers the codes of the warnings."""
    wanted = wanted_company(UpsertCompanyRequest(domain="acme.test", name="Globex"), BERLIN)
    async with calling(work, ada) as call:
        await upsert_company(call, wanted)
    return [each.code for each in wanted.wish.notes.warnings]


async def found(work: Work, ada: Principal) -> tuple[int, int, int]:
    """How many people are found by the old name, and by the new, and the highest version of any."""
    async with calling(work, ada) as call:
        row = (await call.session.execute(text(FOUND), {"tenant": ada.tenant})).one()
    return row.old, row.new, row.version


async def test_few_people_follow_in_the_call(work: Work) -> None:
    """Their terms are the new name's when the call returns, and their versions stay."""
    ada = person()
    await staffed(work, ada, 30)
    assert await found(work, ada) == (30, 0, 1)
    assert await renamed(work, ada) == []
    assert await found(work, ada) == (0, 30, 1)


async def test_many_people_follow_in_a_job(work: Work) -> None:
    """Above a thousand a job does it in chunks, tells how far it is, and does nothing twice."""
    ada = person()
    await staffed(work, ada, MOST_IN_CALL + 1)
    assert await renamed(work, ada) == ["reindexing"]
    async with calling(work, ada) as call:
        job: UUID = (await call.session.execute(text(JOBS), {"tenant": ada.tenant})).one().id
    # The stack's own worker may be faster.
    with suppress(JobOver):
        await run_reindex(work, ada.tenant, job)
    assert await found(work, ada) == (0, MOST_IN_CALL + 1, 1)
    async with calling(work, ada) as call:
        done = (await call.session.execute(text(JOBS), {"tenant": ada.tenant})).one()
    assert (done.state, done.position, done.counters) == ("done", MOST_IN_CALL + 1, {"reindexed": MOST_IN_CALL + 1})
    with pytest.raises(JobOver):
        await run_reindex(work, ada.tenant, job)
