"""The worker beside crm-core: it numbers events soon, tells how it is, and may do no more than it must."""

import statistics
import time
from uuid import UUID

import httpx2

from support.plugin import ConnectEdge
from support.stack import Stack
from support.tenants import Tenant
from support.waiting import wait_until

EVENTS = 40
SOON_S = 1.0
WORKER = "crm-core-worker"


async def test_an_event_has_its_number_within_a_second(tenant: Tenant, at_edge: ConnectEdge, stack: Stack) -> None:
    """From the answer of the write to the number: 95 of 100 under a second; the order is that of the writes."""
    waited, contacts = [], []
    async with at_edge(tenant.key("sales")) as person:
        with stack.sql("crm-core") as admin:
            admin.autocommit = True
            for number in range(EVENTS):
                made = await person.do("/crm/upsert_contact", {"email": f"{number}@number.example"})
                began, id = time.monotonic(), UUID(made["contact"]["id"])
                contacts.append(id)
                wait_until(
                    lambda id=id: (
                        admin.execute(  # type: ignore[misc]
                            "SELECT FROM outbox WHERE tenant_id = %s AND record_id = %s AND seq IS NOT NULL",
                            [tenant.id, id],
                        ).fetchone()
                        is not None
                    )
                )
                waited.append(time.monotonic() - began)
            rows = admin.execute(
                "SELECT seq, record_id FROM outbox WHERE tenant_id = %s AND kind = 'event' ORDER BY seq", [tenant.id]
            ).fetchall()
    assert statistics.quantiles(waited, n=20)[-1] < SOON_S, waited
    assert [row[1] for row in rows if row[1] in set(contacts)] == contacts


def test_the_worker_tells_how_it_is(stack: Stack) -> None:
    """Ready for the supervisor and Kubernetes, measured for Prometheus, and part of the health of the whole."""
    ready = httpx2.get(f"{stack.http(WORKER)}/readyz", trust_env=False)
    metrics = httpx2.get(f"{stack.http(WORKER)}/metrics", trust_env=False).text
    health = httpx2.get(f"{stack.edge_url}/health", trust_env=False).json()
    assert (ready.status_code, ready.json()) == (200, {"status": "ready"})
    for name in ("kontor_outbox_numbered_total", "kontor_outbox_number_lag_seconds", "kontor_tick_seconds_count"):
        assert name in metrics
    assert health["services"][WORKER] == "ready"
