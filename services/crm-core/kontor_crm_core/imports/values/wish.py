"""What a row wants a contact to be, in a form that is kept between the passes."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from uuid import UUID

from kontor_crm_core.identity.parse import Email, Phone
from kontor_crm_core.record.lookups import ForeignId
from kontor_platform.contract.problem import JSON
from kontor_platform.data.records.fold import fold


@dataclass(slots=True)
class RowWish:
    """A contact as a row describes it; empty means the row says nothing.

    `flags` are opted_out, bounced and consent_basis by address; `clear` names fields whose cells are blank where blank
    cells empty; `properties` are stored values by the property's id.
    """

    id: UUID | None = None
    texts: dict[str, str] = field(default_factory=dict)
    emails: list[Email] = field(default_factory=list)
    phones: list[Phone] = field(default_factory=list)
    external_ids: list[ForeignId] = field(default_factory=list)
    owner: str = ""
    company: str = ""
    company_domain: str = ""
    company_id: UUID | None = None
    properties: dict[str, JSON] = field(default_factory=dict)
    flags: dict[str, dict[str, JSON]] = field(default_factory=dict)
    clear: list[str] = field(default_factory=list)

    @property
    def says_something(self) -> bool:
        """Whether there is anything to tell the person by."""
        return bool(self.id or self.texts or self.emails or self.phones or self.external_ids or self.properties)

    @property
    def folded_name(self) -> str:
        """The whole name as it is compared."""
        return fold(f"{self.texts.get('first_name', '')} {self.texts.get('last_name', '')}")


def kept(wish: RowWish) -> str:
    """The wish as it is kept; what it does not say is left out."""
    told: dict[str, object] = {
        "i": str(wish.id) if wish.id else None,
        "t": wish.texts,
        "e": [[each.raw, each.key, each.company_domain] for each in wish.emails],
        "p": [[each.raw, each.e164, each.national_digits, each.ext, each.region] for each in wish.phones],
        "x": [[each.system, each.value] for each in wish.external_ids],
        "o": wish.owner,
        "c": wish.company,
        "d": wish.company_domain,
        "n": str(wish.company_id) if wish.company_id else None,
        "r": wish.properties,
        "f": wish.flags,
        "z": wish.clear,
    }
    return json.dumps({name: value for name, value in told.items() if value}, ensure_ascii=False, separators=(",", ":"))


def wish_of(text: str) -> RowWish:
    """The wish that was kept."""
    told = json.loads(text)
    return RowWish(
        id=UUID(told["i"]) if "i" in told else None,
        texts=told.get("t", {}),
        emails=[Email(*each) for each in told.get("e", ())],
        phones=[Phone(*each) for each in told.get("p", ())],
        external_ids=[ForeignId(*each) for each in told.get("x", ())],
        owner=told.get("o", ""),
        company=told.get("c", ""),
        company_domain=told.get("d", ""),
        company_id=UUID(told["n"]) if "n" in told else None,
        properties=told.get("r", {}),
        flags=told.get("f", {}),
        clear=told.get("z", []),
    )


def merged(wishes: Sequence[RowWish]) -> RowWish:
    """Several rows for one person as one wish: later ones win field by field, identities are gathered."""
    first = wishes[0]
    for later in wishes[1:]:
        first = RowWish(
            id=later.id or first.id,
            texts=first.texts | later.texts,
            emails=list({each.key: each for each in (*later.emails, *first.emails)}.values())[::-1],
            phones=list({each.key: each for each in (*later.phones, *first.phones)}.values())[::-1],
            external_ids=list(dict.fromkeys((*first.external_ids, *later.external_ids))),
            owner=later.owner or first.owner,
            company=later.company or first.company,
            company_domain=later.company_domain or first.company_domain,
            company_id=later.company_id or first.company_id,
            properties=first.properties | later.properties,
            flags=first.flags | later.flags,
            clear=[each for each in later.clear if each in first.clear],
        )
    return first


def keys(wish: RowWish, match_on: Collection[str], unique: Mapping[str, str]) -> list[str]:
    """What tells the person, as rows of one file are compared: at least the whole row where nothing else does."""
    found = [f"i:{wish.id}"] if wish.id and "id" in match_on else []
    if "external_id" in match_on:
        found += [f"x:{each.system}:{each.value}" for each in wish.external_ids]
    if "email" in match_on:
        found += [f"e:{each.key}" for each in wish.emails]
    found += [f"u:{name}:{key}" for name, key in unique.items()]
    if not found and "phone" in match_on:
        found = [f"p:{each.e164}:{wish.folded_name}" for each in wish.phones if each.e164]
    return found or ["w:" + sha256(kept(wish).encode()).hexdigest()[:32]]
