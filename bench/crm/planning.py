"""What reading and planning a new contact costs in Python alone, apart from the database.

Run from the repository: `python bench/crm/planning.py [rows]`.
"""

import gc
import sys
from collections.abc import Callable, Iterable
from time import process_time
from typing import TypeVar

from kontor_protos.kontor.crm.v1.common_pb import ExternalId
from kontor_protos.kontor.crm.v1.contacts_pb import EmailState, UpsertContactRequest
from people import drawn, rows

from kontor_crm_core.contact.plan import plan_upsert
from kontor_crm_core.contact.state import Employer
from kontor_crm_core.contact.terms import contact_terms
from kontor_crm_core.contact.wanted import wanted_contact
from kontor_crm_core.identity import parse
from kontor_crm_core.record.plans import Options
from kontor_platform.data.ids import new_id
from kontor_platform.runtime.principal import TenantSettings

SEED, ROWS = 7, 5000
SETTINGS = TenantSettings(region="DE")
OPTIONS = Options("DE", owner=new_id())
ACME = Employer(new_id(), "Acme Maschinenbau GmbH")
T = TypeVar("T")
R = TypeVar("R")


def request(row: list[str]) -> UpsertContactRequest:
    """The upsert of a row of twelve columns."""
    first, last, email, phone, title, city, country, company, domain, foreign, opted_out, second = row[:12]
    return UpsertContactRequest(
        first_name=first,
        last_name=last,
        email=email,
        phone=phone,
        title=title,
        city=city,
        country=country,
        company=company,
        company_domain=domain,
        external_ids=[ExternalId(system="bench", value=foreign)] if foreign else [],
        email_states=[EmailState(address=email, opted_out=True)] if email and opted_out == "true" else [],
        emails=[second] if second else [],
    )


def timed(name: str, work: Callable[[T], R], items: Iterable[T]) -> list[R]:
    """Does work for each item and prints microseconds of CPU for one."""
    todo = list(items)
    began = process_time()
    done = [work(each) for each in todo]
    print(f"{name:<46}{(process_time() - began) / max(len(todo), 1) * 1e6:8.1f} µs")
    return done


def readable(read: Callable[[str], object], text: str) -> object:
    """What a text says, None if nothing."""
    try:
        return read(text)
    except parse.Unreadable:
        return None


def main(count: int) -> None:
    """Prints what each step costs."""
    given = [request(row) for row in rows(drawn(SEED), SEED, count, 0)]
    addresses = [each.email for each in given if each.email]
    numbers = [each.phone for each in given if each.phone]
    domains = [each.company_domain for each in given if each.company_domain]
    gc.disable()
    timed("e-mail, by the library alone", lambda text: readable(parse.validated, text), addresses)
    for name in ("e-mail, first time", "e-mail, remembered"):
        timed(name, lambda text: readable(parse.parse_email, text), addresses)
    timed("domain, known from addresses", lambda text: readable(parse.parse_domain, text), domains)
    for name in ("phone, first time", "phone, remembered"):
        timed(name, lambda text: parse.parse_phone(text, "DE"), numbers)
    wanted = timed("request read, its parts remembered", lambda each: wanted_contact(each, SETTINGS), given)
    plans = timed("new contact planned", lambda each: plan_upsert(None, each, OPTIONS, new_id(), ACME), wanted)
    timed("  of that its terms", contact_terms, [each.after for each in plans])
    terms = [len(each.planned.terms or ()) for each in plans if each.planned]
    print(f"terms of a contact: {sum(terms) / len(terms):.1f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else ROWS)
