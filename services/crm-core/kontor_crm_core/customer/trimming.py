"""Keeps an answer within its budget, texts first, then lists, and says what was left out."""

from collections.abc import Callable

from kontor_protos.kontor.crm.v1.customers_pb import LookupCustomerResponse

BUDGET_BYTES = 8 * 1024
SHORT = 80
FEW = 3
CONTACT_LISTS = ("emails", "phones", "external_ids")
COMPANY_LISTS = ("domains", "external_ids")


def trimmed(answer: LookupCustomerResponse) -> LookupCustomerResponse:
    """The answer in at most 8 KB of JSON."""
    for name, cut in CUTS:
        if len(answer.to_json(always_emit_implicit=True).encode()) <= BUDGET_BYTES:
            break
        if cut(answer):
            answer.truncated.append(name)
    return answer


def shorten_lines(answer: LookupCustomerResponse) -> bool:
    """Cuts the lines of activities and tasks."""
    before = [each.line for each in answer.last_activities] + [each.title for each in answer.open_tasks]
    for activity in answer.last_activities:
        activity.line = activity.line[:SHORT]
    for task in answer.open_tasks:
        task.title = task.title[:SHORT]
    return before != [each.line for each in answer.last_activities] + [each.title for each in answer.open_tasks]


def drop_description(answer: LookupCustomerResponse) -> bool:
    """Cuts the company's description."""
    if answer.company is None or len(answer.company.description) <= SHORT:
        return False
    answer.company.description = answer.company.description[:SHORT]
    return True


def halve_identities(answer: LookupCustomerResponse) -> bool:
    """Leaves the first few addresses, numbers, domains and foreign ids."""
    cut = False
    for record, names in ((answer.contact, CONTACT_LISTS), (answer.company, COMPANY_LISTS)):
        for name in names if record else ():
            present = getattr(record, name)
            cut = cut or len(present) > FEW
            setattr(record, name, present[:FEW])
    return cut


def shorten_lists(answer: LookupCustomerResponse) -> bool:
    """Leaves two of each list."""
    lists = ("open_deals", "last_activities", "open_tasks", "segments")
    cut = any(len(getattr(answer, name)) > 2 for name in lists)
    for name in lists:
        setattr(answer, name, getattr(answer, name)[:2])
    return cut


CUTS: tuple[tuple[str, Callable[[LookupCustomerResponse], bool]], ...] = (
    ("the company's description; read it with crm_get_record", drop_description),
    ("lines of activities and tasks; read them with crm_get_timeline", shorten_lines),
    ("addresses and foreign ids after the third; read them with crm_get_record", halve_identities),
    ("lists after the second; read them with crm_get_timeline and crm_list_associations", shorten_lists),
)
