"""Pages of people and companies in social networks, which say nothing of a company's own domain."""

import re

PROFILE = re.compile(
    r"(https?://)?([\w-]+\.)*(linkedin|facebook|instagram|twitter|xing|github|youtube|tiktok|x)\.com/\S+", re.IGNORECASE
)


def is_profile(text: str) -> bool:
    """Tells whether a web address is a page within a social network."""
    return bool(PROFILE.fullmatch(text.strip()))
