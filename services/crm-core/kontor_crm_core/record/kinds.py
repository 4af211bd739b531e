"""The types of record as filters, sorts and answers see them."""

from collections.abc import Iterator, Mapping

from kontor_crm_core.association.types.rules import STANDARD, LinkType
from kontor_crm_core.record import fields as f
from kontor_platform.data.records.definitions import PropertyType as Type
from kontor_platform.data.records.filters.parameters import Basis
from kontor_platform.data.records.filters.places import Column
from kontor_platform.data.records.objects import FieldType, Link, ObjectType, Relation
from kontor_platform.data.records.terms import Field as Terms

PRIORITIES = ("low", "normal", "high", "urgent")
CATEGORIES = ("pipeline", "best_case", "most_likely", "commit", "closed", "omitted")
ACTIVITY_KINDS = ("note", "call", "meeting", "email", "task")
ACTIVITY_TYPES = ("activity", "task")


def common(table: str) -> list[FieldType]:
    """What every record has."""
    return [
        f.record_id(table),
        f.user(table, "owner_id", indexed=True),
        f.moment(table, "created_at", indexed=True, required=True),
        f.moment(table, "updated_at", indexed=True, required=True),
    ]


def relations(kind: str) -> Iterator[Relation]:
    """The links of a type of record; both directions of a link within a type, under the names of both."""
    for link in STANDARD.values():
        forward = Link("association", "from_id", "to_id", link.key)
        backward = Link("association", "to_id", "from_id", link.key)
        if link.from_type == link.to_type == kind:
            yield from within(link, forward, backward)
        elif kind in (link.from_type, link.to_type):
            far = link.to_type if kind == link.from_type else link.from_type
            yield Relation(link.key, far, (forward if kind == link.from_type else backward,))
    for far in ACTIVITY_TYPES if kind in ("contact", "company", "deal") else ():
        yield Relation(far, far, (Link("activity_link", "record_id", "activity_id", fixed="{}.live"),), labelled=False)
    for far in ("contact", "company", "deal") if kind in ACTIVITY_TYPES else ():
        yield Relation(far, far, (Link("activity_link", "activity_id", "record_id", fixed="{}.live"),), labelled=False)


def within(link: LinkType, forward: Link, backward: Link) -> Iterator[Relation]:
    """A link between records of one type: the same both ways, or another relation the other way."""
    if link.label == link.reverse_label:
        yield Relation(link.key, link.to_type, (forward, backward))
    else:
        yield Relation(link.key, link.to_type, (forward,))
        yield Relation(f"{link.key}_reverse", link.to_type, (backward,))


def contact() -> ObjectType:
    """People."""
    t = "contact"
    own = [
        f.text(t, "name", indexed=True, required=True, terms=Terms.NAME),
        f.text(t, "first_name", terms=Terms.NAME),
        f.text(t, "last_name", terms=Terms.NAME),
        f.text(t, "title", terms=Terms.TITLE),
        f.text(t, "city", terms=Terms.CITY),
        f.text(t, "country", indexed=True),
        f.several("email", Type.EMAIL, "contact_email", "contact_id", ("email_key",), "raw"),
        f.several("phone", Type.PHONE, "contact_phone", "contact_id", ("e164", "national_digits"), "raw"),
        f.mark("opted_out", "contact_email", "contact_id"),
        f.mark("bounced", "contact_email", "contact_id"),
    ]
    fields = [*own, f.foreign_id(t), f.last_activity(), *common(t)]
    return ObjectType(t, t, fields, list(relations(t)))


def company() -> ObjectType:
    """Organisations."""
    t = "company"
    own = [
        f.text(t, "name", indexed=True, required=True, terms=Terms.NAME),
        f.several("domain", Type.TEXT, "company_domain", "company_id", ("domain",), "domain"),
        f.text(t, "industry", indexed=True, terms=Terms.TITLE),
        f.number(t, "employees", indexed=True),
        f.code(t, "phone", Type.PHONE),
        f.text(t, "city", terms=Terms.CITY),
        f.text(t, "country", indexed=True),
        f.long_text(t, "description"),
    ]
    fields = [*own, f.foreign_id(t), f.last_activity(), *common(t)]
    return ObjectType(t, t, fields, list(relations(t)))


def deal() -> ObjectType:
    """Deals."""
    t = "deal"
    stage = "(SELECT to_json(s.label) FROM stage s WHERE s.tenant_id = {}.tenant_id AND s.id = {}.stage_id)"
    pipeline = "(SELECT to_json(s.name) FROM pipeline s WHERE s.tenant_id = {}.tenant_id AND s.id = {}.pipeline_id)"
    amount = Column(t, "amount_key", Basis.WHOLE, indexed=True, currency_column="currency")
    own = [
        f.text(t, "name", indexed=True, required=True),
        f.of_tenant(t, "stage", "stage_id", "stage", stage, indexed=True),
        f.of_tenant(t, "pipeline", "pipeline_id", "pipeline", pipeline),
        f.choice(t, "stage_kind", ("open", "won", "lost")),
        FieldType("amount", Type.MONEY, amount, "to_json({}.amount::text)", ordered=True),
        f.code(t, "currency", required=True),
        f.number(t, "probability", required=True),
        f.choice(t, "probability_source", ("stage", "manual")),
        f.choice(t, "forecast_category", CATEGORIES),
        f.choice(t, "forecast_category_source", ("stage", "manual")),
        f.day(t, "close_date", indexed=True),
        f.moment(t, "stage_entered_at", required=True),
        f.moment(t, "opened_at", required=True),
        f.moment(t, "closed_at"),
        f.long_text(t, "description"),
        f.long_text(t, "lost_reason"),
    ]
    fields = [*own, f.foreign_id(t), f.last_activity(), *common(t)]
    return ObjectType(t, t, fields, list(relations(t)))


def activity(name: str, condition: str = "") -> ObjectType:
    """Notes, calls, meetings, e-mails and tasks; or tasks alone."""
    t = "activity"
    title = "title" if name == "task" else "subject"
    fields = [
        f.text(t, title, "subject"),
        f.choice(t, "kind", ACTIVITY_KINDS),
        f.long_text(t, "body"),
        f.moment(t, "occurred_at", indexed=True, required=True),
        f.moment(t, "ended_at"),
        f.number(t, "duration_s"),
        f.choice(t, "direction", ("in", "out"), required=False),
        f.code(t, "outcome"),
        f.long_text(t, "location"),
        f.choice(t, "status", ("open", "done"), required=False),
        f.choice(t, "priority", PRIORITIES, required=False),
        f.day(t, "due_date", "due_on"),
        f.moment(t, "due_at"),
        f.moment(t, "due", "due_key"),
        f.moment(t, "completed_at"),
        f.code(t, "external_id"),
        f.user(t, "author_id", column="actor_id"),
        *common(t),
    ]
    return ObjectType(name, t, fields, list(relations(name)), condition)


KINDS: Mapping[str, ObjectType] = {
    each.name: each
    for each in (contact(), company(), deal(), activity("activity"), activity("task", "{}.kind = 'task'"))
}
