"""Small bodies of the gateway's own requests, read by a model."""

from collections.abc import Mapping
from typing import Any, TypeVar

from kontor_protos.kontor.platform.v1.errors_pb import FieldProblem
from pydantic import BaseModel, ValidationError

from kontor_platform.contract.problem import InvalidField, UnknownField

B = TypeVar("B", bound=BaseModel)


def read(value: Mapping[str, object], model: type[B]) -> B:
    """The value as a model; raises UnknownField or InvalidField with every fault."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False)
        fields = [FieldProblem(field=place_of(each), message=message_of(each)) for each in faults]
        unknown = any(each["type"] == "extra_forbidden" for each in faults)
        kind = UnknownField if unknown else InvalidField
        allowed = sorted(model.model_fields) if unknown else []
        raise kind("; ".join(each.message for each in fields) + ".", fields=fields, allowed=allowed) from error


def place_of(fault: Any) -> str:
    """The field at fault, as in `records.0`."""
    return ".".join(map(str, fault["loc"]))


def message_of(fault: Any) -> str:
    """One fault in words."""
    unknown = fault["type"] == "extra_forbidden"
    return f"'{place_of(fault)}' is unknown" if unknown else f"'{place_of(fault)}': {fault['msg']}"
