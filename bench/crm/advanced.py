"""Advanced queries by name, over people as `people.py` draws them: what crm_search_advanced is asked in the bench.

`adverse` ones are made to be hard: nothing narrows them, or no index has their order. They are answered or refused.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

TEXT, NUMBER, DATE, BOOL = 16, 17, 18, 19
RARE_NUMBER = 1


@dataclass(frozen=True)
class Query:
    """A call of crm_search_advanced."""

    name: str
    filter: Any = None
    sorts: Sequence[Any] = ()
    more: dict[str, Any] = field(default_factory=dict)
    adverse: bool = False

    @property
    def body(self) -> dict[str, Any]:
        """The request."""
        asked = {"type": "contact", "page_size": 50, "sorts": list(self.sorts), **self.more}
        return asked | ({"filter": self.filter} if self.filter else {})


def one(name: str, op: str, *told: Any) -> dict[str, Any]:
    """A condition with one value or several."""
    return {
        "field": name,
        "op": op,
        **({"values": list(told)} if len(told) > 1 else {"value": told[0]} if told else {}),
    }


def queries(property_name: Callable[[int], str]) -> list[Query]:
    """Twelve queries; the properties are named by their number in `people.py`."""
    text, number, date, flag = (property_name(each) for each in (TEXT, NUMBER, DATE, BOOL))
    rare = property_name(RARE_NUMBER)
    newest, by_name = {"field": "created_at", "direction": "desc"}, {"field": "name"}
    return [
        Query("everyone, newest first", sorts=[newest]),
        Query(
            "city and title by name",
            {"all": [one("city", "eq", "Zürich"), one("title", "has_word", "sales")]},
            [by_name],
        ),
        Query("a country by name", one("country", "eq", "FR"), [by_name]),
        Query("a value of a text property", one(text, "eq", "value 77"), [newest]),
        Query(
            "three properties, by the number",
            {"all": [one(number, "between", "20000", "60000"), one(flag, "eq", "true"), one("country", "neq", "DE")]},
            [{"field": number, "direction": "desc"}],
        ),
        Query(
            "a rare property in a period",
            {"all": [one(rare, "lt", "5000"), one(date, "last_n_days", "2000")]},
            [newest],
        ),
        Query("the middle of a name", one("name", "contains", "chrei"), [by_name]),
        Query(
            "people of companies",
            {"assoc": {"type": "company", "where": one("name", "starts_with", "ba")}},
            [{"field": "updated_at", "direction": "desc"}],
        ),
        Query(
            "any of several, and nobody who opted out",
            {
                "all": [
                    {"any": [one("city", "in", "Wien", "Lyon"), one(text, "eq", "value 1")]},
                    {"none": [one("opted_out", "eq", "true")]},
                ]
            },
            [newest, by_name],
        ),
        Query(
            "sums by country",
            one(text, "in", "value 5", "value 6", "value 7"),
            more={"group_by": [{"field": "country"}], "aggregates": [{"function": "sum", "field": number}]},
        ),
        Query(
            "what hardly anybody meets",
            {"none": [one("country", "in", "DE", "FR", "GB", "US", "CH", "AT", "ES", "PL")]},
            [by_name],
            adverse=True,
        ),
        Query(
            "an order that no index has",
            one("country", "eq", "DE"),
            [{"field": "city"}, {"field": "title"}],
            adverse=True,
        ),
    ]
