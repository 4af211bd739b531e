"""Twelve named queries of crm_search_advanced, two of them adverse, and how deep pages cost."""

import asyncio
import json
import time
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from crm.figures import Report, percentile, shown, spread
from crm.house import House
from crm.serving import on_service
from load import answer, http_request

Filter = dict[str, Any]
P95_MS, ADVERSE_MS = 200.0, 1000.0
REFUSED = (b"query_too_broad",)
DEEP, AROUND = 1_000, 20


def field(name: str, op: str, value: object = None, *values: object) -> Filter:
    """One condition."""
    told: Filter = {"field": name, "op": op}
    if values:
        told["values"] = [str(value), *map(str, values)]
    elif value is not None:
        told["value"] = str(value)
    return told


def sort(name: str, direction: str = "asc") -> list[Filter]:
    """One sort."""
    return [{"field": name, "direction": direction}]


def named_queries() -> Mapping[str, Filter]:
    """The queries that people ask every day."""
    of_city, ceo = field("city", "eq", "Berlin"), field("title", "has_word", "director")
    return {
        "newest people of a city": {"filter": of_city, "sorts": sort("created_at", "desc")},
        "beginning of a name, by name": {"filter": field("name", "starts_with", "ma"), "sorts": sort("name")},
        "title and country, lately changed": {
            "filter": {"all": [ceo, field("country", "eq", "FR")]},
            "sorts": sort("updated_at", "desc"),
        },
        "number between, by it": {
            "filter": field("bench_17", "between", 40_000, 41_000),
            "sorts": sort("bench_17", "desc"),
        },
        "text property equal": {"filter": field("bench_16", "eq", "value 77"), "sorts": sort("created_at", "desc")},
        "date of a year and a flag": {
            "filter": {
                "all": [field("bench_18", "between", "2026-01-01", "2026-03-31"), field("bench_19", "eq", "true")]
            },
            "sorts": sort("bench_18"),
        },
        "people of companies by name": {
            "filter": {"assoc": {"type": "contact_company", "where": field("name", "starts_with", "br")}},
            "sorts": sort("name"),
        },
        "nobody spoke with them for 90 days": {
            "filter": {"all": [of_city, field("last_activity_at", "older_than_days", 90)]},
            "sorts": sort("created_at", "desc"),
        },
        "one of several cities and not of a country": {
            "filter": {
                "all": [{"any": [of_city, field("city", "eq", "Paris")]}],
                "none": [],
            },
            "sorts": sort("created_at", "desc"),
        },
        "opted out and with a phone": {
            "filter": {"all": [field("opted_out", "eq", "true"), field("phone", "is_set")]},
            "sorts": sort("created_at", "desc"),
        },
    }


def adverse_queries() -> Mapping[str, Filter]:
    """Queries that no index answers."""
    return {
        "adverse: text in the middle that nobody has, by another property": {
            "filter": {
                "all": [
                    field("title", "not_contains", "a"),
                    field("bench_02", "is_empty"),
                    field("name", "contains", "qxqx"),
                ]
            },
            "sorts": [*sort("bench_13"), *sort("name", "desc")],
        },
        "adverse: figures over everybody by a property": {
            "filter": {"none": [field("country", "eq", "DE")]},
            "group_by": [{"field": "bench_19"}],
            "aggregates": [{"function": "sum", "field": "bench_17"}, {"function": "count"}],
        },
    }


async def asked(house: House, bodies: Sequence[bytes], callers: int) -> tuple[list[float], list[tuple[bytes, bytes]]]:
    """Sends bodies by so many callers; how long each took and what was answered."""
    port, headers = on_service(house)
    waiting, latencies, kept = iter(bodies), list[float](), list[tuple[bytes, bytes]]()

    async def caller() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for body in waiting:
            request = http_request("/crm/search_advanced", body, headers)
            began = time.perf_counter()
            writer.write(request)
            told = await answer(reader)
            latencies.append(time.perf_counter() - began)
            kept.append(told)
        writer.close()
        await writer.wait_closed()

    async with asyncio.TaskGroup() as group:
        for _ in range(callers):
            group.create_task(caller())
    return latencies, kept


async def measure(house: House, calls: int, report: Report) -> None:
    """Every query at two callers, one query after the other."""
    for name, query in named_queries().items():
        body = json.dumps({"type": "contact"} | cleaned(query)).encode()
        latencies, answers = await asked(house, [body] * calls, 2)
        wrong = [told for head, told in answers if not head.startswith(b"HTTP/1.1 200") or not json.loads(told)["rows"]]
        report.check(not wrong, f"advanced, {name}: {wrong[:1]}")
        report.most(
            f"advanced, {name}: p95", percentile(latencies, 0.95) * 1000, P95_MS, "ms", f" ({spread(latencies)})"
        )
    for name, query in adverse_queries().items():
        body = json.dumps({"type": "contact"} | query).encode()
        latencies, answers = await asked(house, [body] * max(calls // 10, 4), 2)
        outcomes = {outcome(head, told) for head, told in answers}
        report.check("wrong" not in outcomes, f"advanced, {name}: {answers[0][1][:300]!r}")
        more = f" ({', '.join(sorted(outcomes))}; {spread(latencies)})"
        report.most(f"advanced, {name}: slowest", max(latencies) * 1000, ADVERSE_MS, "ms", more)


def cleaned(query: Filter) -> Filter:
    """A query without empty groups."""
    told = dict(query)
    told["filter"] = {name: value for name, value in told["filter"].items() if value != []}
    return told


def outcome(head: bytes, body: bytes) -> str:
    """What became of an adverse query."""
    if head.startswith(b"HTTP/1.1 200"):
        return "answered"
    return "refused" if any(each in body for each in REFUSED) else "wrong"


async def pages(house: House, contacts: int, report: Report) -> None:
    """The first pages of some sorts against those around the thousandth."""
    size = min(10, max(contacts // (DEEP + AROUND), 1))
    for name in ("created_at", "updated_at", "name", "bench_17"):
        body: Filter = {"type": "contact", "sorts": sort(name), "page_size": size}
        firsts, _ = await asked(house, [json.dumps(body).encode()] * AROUND, 1)
        seconds, seen, cursor = list[float](), set[str](), ""
        for _ in range(DEEP):
            (latency,), ((head, told),) = await asked(house, [json.dumps(body | {"cursor": cursor}).encode()], 1)
            read = json.loads(told)
            if not head.startswith(b"HTTP/1.1 200"):
                report.check(False, f"pages by {name}: {told[:300]!r}")
                return
            ids = {row["id"] for row in read["rows"]}
            report.check(not ids & seen, f"pages by {name}: a record came twice")
            seen |= ids
            seconds.append(latency)
            cursor = read["next_cursor"]
            if not cursor:
                break
        seconds_deep = seconds[-AROUND:]
        second = median(seconds[1 : AROUND + 1])
        told_of = f" (page 1: {shown(median(firsts) * 1000)} ms, 2 to 21: {shown(second * 1000)} ms)"
        report.most(
            f"page {len(seconds):,} by {name}, median against page 1",
            median(seconds_deep) * 1000,
            max(median(firsts), second) * 1000 * 1.1,
            "ms",
            told_of,
        )
