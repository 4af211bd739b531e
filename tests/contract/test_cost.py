"""What the catalogue costs a model."""

import json

from kontor_mcp_gateway.catalogue.catalogue import Catalogue, Offer
from kontor_platform.contract.cost import tokens
from kontor_platform.contract.image import own_image
from kontor_platform.runtime.tenant_policy import TenantPolicy

PLATFORM = "kontor.platform."
# A list is loaded by every client at its start.
MOST_BYTES = 100_000


def test_a_sales_agent_is_shown_less_than_twenty_thousand_tokens() -> None:
    """The tools of a sales agent leave most of a context to the work; the answer itself stays small too."""
    image = own_image()
    services = [each.type_name for each in image.services() if not each.type_name.startswith(PLATFORM)]
    catalogue = Catalogue().with_offer(Offer.read("all", image.data, services))
    listed = catalogue.listed(TenantPolicy(), frozenset({"sales"}))
    assert 0 < tokens(listed) < 20_000
    assert len(json.dumps(listed, ensure_ascii=False, separators=(",", ":")).encode()) < MOST_BYTES
