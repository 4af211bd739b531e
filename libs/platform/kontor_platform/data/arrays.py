"""Values of a column on their way to the database, for statements that take any number of rows."""

from collections.abc import Iterable


def array(values: Iterable[object]) -> str:
    """The values as PostgreSQL writes an array (its manual, 8.15.6), for `CAST(:values AS uuid[])` and the like.

    Several times cheaper than having the driver take each value on its own, which matters with a thousand records.
    """
    given = list(values)
    plain = '","'.join(map(str, given))
    if given and None not in given and "\\" not in plain and plain.count('"') == 2 * (len(given) - 1):
        return f'{{"{plain}"}}'
    return f"{{{','.join(map(element, given))}}}"


def element(value: object) -> str:
    """One value within an array."""
    if value is None:
        return "NULL"
    return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'
