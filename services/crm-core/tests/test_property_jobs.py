"""What touches more than 1,000 values is a job's, and comes to the same."""

from typing import Any

from support.waiting import wait_until

MANY = 2_300
PEOPLE = """
    WITH made AS (SELECT gen_random_uuid() AS id, n FROM generate_series(1, %(many)s) AS n),
    registered AS (
        INSERT INTO crm_core.record (tenant_id, id, object_type) SELECT %(tenant)s, id, 'contact' FROM made
    )
    INSERT INTO crm_core.contact (tenant_id, id, version, name, name_key, created_at, updated_at, props)
    SELECT %(tenant)s, id, 1, 'P' || n, 'p' || n, now(), now(), jsonb_build_object(%(property)s::text, {value})
    FROM made
"""


def define(crm: Any, **more: Any) -> dict[str, Any]:
    """The answer to a definition."""
    answer: dict[str, Any] = crm.do("crm_define_property", object_type="contact", name="score", **more)
    return answer


def people(crm: Any, stack: Any, value: str, many: int = MANY, **more: Any) -> str:
    """A property, not filterable yet, that many contacts have; answers its id. `value` is SQL over the number `n`."""
    made = define(crm, type="text", filterable=False, **more)["property"]["id"]
    with stack.sql("crm-core") as database:
        values = {"many": many, "tenant": crm.principal.tenant, "property": made}
        database.execute(PEOPLE.format(value=value), values)
        database.commit()
    return str(made)


def count(stack: Any, crm: Any, what: str, table: str = "property_index") -> tuple[Any, ...]:
    """Figures over the tenant's rows of a table."""
    with stack.sql("crm-core") as database:
        row = database.execute(f"SELECT {what} FROM crm_core.{table} WHERE tenant_id = %s", [crm.principal.tenant])
        found: tuple[Any, ...] = row.fetchone()
        return found


def state(stack: Any, operation: str) -> tuple[Any, ...]:
    """The state and the error of an operation."""
    with stack.sql("crm-core") as database:
        row = database.execute("SELECT state, error FROM crm_core.operation WHERE id = %s", [operation])
        found: tuple[Any, ...] = row.fetchone()
        return found


def listed(crm: Any) -> dict[str, Any]:
    """The property as it is listed."""
    told: dict[str, Any] = crm.do("crm_list_properties", kind="custom")["properties"][0]
    return told


def finish(stack: Any, answer: dict[str, Any]) -> str:
    """Waits until the worker has done the job of a definition; answers the operation's id."""
    operation = str(answer["operation_id"])
    wait_until(lambda: state(stack, operation)[0] in ("done", "failed"), 60, "the job has ended")
    return operation


def test_many_values_are_indexed_by_a_job(crm: Any, stack: Any) -> None:
    """Until it ends the index is building; then every value is in it once, those written meanwhile too."""
    people(crm, stack, "to_jsonb('v' || n)")
    begun = define(crm, filterable=True, searchable=True)
    assert (begun["property"]["filterable"], begun["records"]) == (True, 0)
    new = crm.do("crm_upsert_contact", email="new@x.example")["contact"]["id"]
    crm.do("crm_set_property", record_id=new, properties=[{"name": "score", "value": "late"}])
    operation = finish(stack, begun)
    assert state(stack, operation) == ("done", None)
    assert listed(crm)["index"] == "ready"
    assert count(stack, crm, "count(*), count(DISTINCT record_id), count(txt)") == (MANY + 1,) * 3
    hits = crm.do("crm_search_customers", query="v2299")["hits"]
    assert [hit["name"] for hit in hits] == ["P2299"]


def test_many_values_are_converted_by_a_job(crm: Any, stack: Any, contact: str) -> None:
    """Meanwhile nobody writes the property; in the end every value, version, history and index is of the new type."""
    people(crm, stack, "to_jsonb(n::text)")
    begun = define(crm, type="number", filterable=True)
    assert (begun["conversion"]["converts"], begun["conversion"]["fails"]) == (MANY, 0)
    busy = crm.send("crm_set_property", record_id=contact, properties=[{"name": "score", "value": 1}])
    assert busy.status_code == 200 or busy.json()["fields"][0]["code"] == "property_read_only"
    assert state(stack, finish(stack, begun)) == ("done", None)
    told = listed(crm)
    assert (told["type"], told["index"], "rules" in told) == ("number", "ready", False)
    assert count(stack, crm, "count(num), sum(num)::int")[:2] >= (MANY, MANY * (MANY + 1) // 2)
    person = crm.do("crm_search_customers", query="nobody")["hits"]
    assert person == []
    changes = "count(*) FILTER (WHERE changes->0->>'field' = 'property:' || %s)"
    assert count(stack, crm, changes.replace("%s", f"'{told['id']}'"), "record_change")[0] >= MANY


def test_hopeless_conversions_are_refused_at_once(crm: Any, stack: Any) -> None:
    """Values that do not convert are counted before a job is begun, or emptied by it."""
    people(crm, stack, "to_jsonb(CASE WHEN mod(n, 1000) = 0 THEN 'many' ELSE n::text END)")
    told = crm.refused("crm_define_property", object_type="contact", name="score", type="number")
    assert (told["code"], told["conversion"]["fails"], told["conversion"]["converts"]) == ("conflict", 2, MANY - 2)
    begun = define(crm, type="number", filterable=True, on_failure="clear")
    assert state(stack, finish(stack, begun)) == ("done", None)
    assert (listed(crm)["filled"], count(stack, crm, "count(num)")) == (MANY - 2, (MANY - 2,))


def test_many_shared_values_are_refused_at_once(crm: Any, stack: Any) -> None:
    """Values written alike are found whatever their number."""
    people(crm, stack, "to_jsonb('v' || mod(n, 2000))")
    told = crm.refused("crm_define_property", object_type="contact", name="score", unique=True)
    assert (told["code"], len(told["duplicates"])) == ("unique_taken", 20)


def test_many_values_become_unique_by_a_job(crm: Any, stack: Any) -> None:
    """Each is claimed; where two are the same but for case, the property is not unique and the work failed."""
    people(crm, stack, "to_jsonb('v' || n)")
    assert state(stack, finish(stack, define(crm, unique=True))) == ("done", None)
    assert count(stack, crm, "count(*)", "unique_value") == (MANY,)

    other = crm.stranger()
    people(other, stack, "to_jsonb(CASE WHEN n = 2000 THEN 'V7' ELSE 'v' || n END)")
    ended, error = state(stack, finish(stack, define(other, unique=True)))
    assert (ended, "1 records" in error) == ("failed", True)
    assert (listed(other)["unique"], listed(other)["index"]) == (False, "none")
    assert count(stack, other, "count(*)", "unique_value") == (0,)


def test_a_large_type_is_sampled(crm: Any, stack: Any) -> None:
    """Above 20,000 records the filled share is an estimate and says so."""
    people(crm, stack, "to_jsonb('v' || n)", many=20_500)
    told = listed(crm)
    assert told["estimated"]
    assert 0.9 < told["filled_share"] <= 1
