"""How a budget is told in headers: draft-ietf-httpapi-ratelimit-headers-10, whose names may still change."""

from kontor_crm_governance.door.budget import WINDOW_S, Charge

POLICY, STATE = "RateLimit-Policy", "RateLimit"
POLICY_NAME = "key"


def quota_headers(charge: Charge) -> dict[str, str]:
    """The quota (`q`) of the window (`w`, seconds), and what remains (`r`) until it resets (`t`, seconds)."""
    return {
        POLICY: f'"{POLICY_NAME}";q={charge.quota};w={WINDOW_S}',
        STATE: f'"{POLICY_NAME}";r={charge.remaining};t={charge.reset_s}',
    }
