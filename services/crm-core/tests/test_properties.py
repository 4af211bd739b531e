"""Custom properties: defined, set, shown, and kept from those who may not see them."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
Crm = Any


def test_a_property_is_defined_set_and_shown(crm: Crm, contact: str) -> None:
    made = crm.do("crm_define_property", object_type="contact", name="lead_score", type="number")
    print(made)
    done = crm.do("crm_set_property", record_id=contact, properties=[{"name": "lead_score", "value": 87}])
    print(done)
    print(crm.do("crm_get_record", id=contact, include=["history"]))
    print(crm.do("crm_list_properties", object_type="contact"))
    print(crm.do("crm_define_property", object_type="contact", name="lead_score", type="text"))
    print(crm.do("crm_get_record", id=contact, include=["history"]))
    print(crm.do("crm_set_property", record_id=contact, properties=[{"name": "lead_score", "value": "hot one"}]))
    print(crm.refused("crm_define_property", object_type="contact", name="lead_score", type="number"))
    print(crm.do("crm_define_property", object_type="contact", name="lead_score", type="number", on_failure="clear"))
    assert 0
