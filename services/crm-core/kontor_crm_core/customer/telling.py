"""What a picture of a customer tells that its own statement cannot: the owner's name, and who may be written to."""

from collections.abc import Collection

from kontor_protos.kontor.crm.v1 import customers_pb as pb
from kontor_protos.kontor.crm.v1.common_pb import Warning

from kontor_crm_core.blocklist.rules import digest
from kontor_crm_core.customer.asking import email_key
from kontor_crm_core.owner.directory import users
from kontor_platform.contract.problem import Refusal
from kontor_platform.runtime.call import Call

LISTED = "SELECT digest FROM blocklist_entry WHERE tenant_id = %(tenant)s AND digest = ANY(%(digests)s)"


async def name_owner(call: Call, answer: pb.LookupCustomerResponse) -> None:
    """Adds who the owner is; where the user directory does not answer, that is said instead."""
    if answer.owner is None:
        return
    try:
        found = await users(call, ids=[answer.owner.id])
    except Refusal as refusal:
        message = f"The owner's name is left out, as the user directory does not answer: {refusal.message}"
        answer.warnings.append(Warning(code="owner_unnamed", message=message, field="owner"))
        return
    if user := found.get(answer.owner.id):
        answer.owner.name, answer.owner.email = user.name, user.email


async def blocklisted(call: Call, secret: bytes | None, addresses: Collection[str]) -> set[str]:
    """The addresses among these that are on the blocklist; `secret` is what the tenant's digests are made with."""
    if secret is None or not addresses:
        return set()
    digests = {digest(bytes(secret), email_key(each) or each): each for each in addresses}
    rows = await call.read(LISTED, {"tenant": call.actor.tenant, "digests": list(digests)}, by_key=True)
    return {digests[row["digest"]] for row in rows}


def consent(answer: pb.LookupCustomerResponse, unwanted: Collection[str]) -> pb.Consent | None:
    """Whether and where the person may be written to; None for a company."""
    if answer.contact is None:
        return None
    emails = answer.contact.emails
    return pb.Consent(
        may_email=any(not each.opted_out and not each.bounced and each.address not in unwanted for each in emails),
        opted_out=[each.address for each in emails if each.opted_out],
        bounced=[each.address for each in emails if each.bounced],
        blocklisted=[each.address for each in emails if each.address in unwanted],
    )
