"""The statements behind approvals: each names the whole call it is for."""

from sqlalchemy import text

LOCK_TENANT = text("SELECT pg_advisory_xact_lock(hashtextextended(:tenant, 0))")
LATEST = text(
    """
    SELECT *, now() AS seen_at FROM approvals
    WHERE tenant_id = :tenant AND actor = :actor AND client = :client AND tool = :tool AND args_hash = :args_hash
    ORDER BY created_at DESC LIMIT 1
    """
)
ONE = text("SELECT *, now() AS seen_at FROM approvals WHERE tenant_id = :tenant AND id = :id")
PENDING = text(
    """
    SELECT count(*) FILTER (WHERE actor = :actor) AS of_actor, count(*) AS of_tenant FROM approvals
    WHERE tenant_id = :tenant AND status = 'pending' AND expires_at > now()
    """
)
EXPIRE = text(
    """
    UPDATE approvals SET status = 'expired'
    WHERE tenant_id = :tenant AND actor = :actor AND client = :client AND tool = :tool AND args_hash = :args_hash
        AND status IN ('pending', 'approved') AND expires_at <= now()
    """
)
REVOKE = text(
    """
    UPDATE approvals SET status = 'revoked', decided_at = now()
    WHERE tenant_id = :tenant AND actor = :actor AND client = :client AND tool = :tool AND args_hash = :args_hash
        AND status IN ('pending', 'approved')
        AND NOT (fingerprint = :fingerprint AND policy_version = :policy_version AND level_needed >= :level_needed)
    RETURNING *, now() AS seen_at
    """
)
INSERT = text(
    """
    INSERT INTO approvals (
        tenant_id, id, actor, on_behalf_of, client, client_name, tool, service, fingerprint, policy_version, args_hash,
        arguments, preview, records, subjects, level_needed, level, mode, tainted, idempotency_key, votes_needed,
        status, channel, decided_by, standing, expires_at, decided_at, consumed_at
    )
    VALUES (
        :tenant, :id, :actor, :on_behalf_of, :client, :client_name, :tool, :service, :fingerprint, :policy_version,
        :args_hash, CAST(:arguments AS jsonb), CAST(:preview AS jsonb), CAST(:records AS jsonb), :subjects,
        :level_needed, :level, :mode, :tainted, :idempotency_key, :votes_needed, :status, :channel, :decided_by,
        :standing, now() + :life, CASE WHEN :given THEN now() END, CASE WHEN :given THEN now() END
    )
    ON CONFLICT (tenant_id, actor, client, tool, args_hash) WHERE status = 'pending' DO NOTHING
    RETURNING *, now() AS seen_at
    """
)
ELICITED = text(
    """
    UPDATE approvals
    SET status = :status, channel = 'elicitation', level = :level, decided_by = :actor, decided_at = now(),
        reason = :reason
    WHERE tenant_id = :tenant AND actor = :actor AND client = :client AND tool = :tool AND args_hash = :args_hash
        AND id = :id AND status = 'pending' AND (:status = 'denied' OR level_needed <= :level) AND expires_at > now()
    RETURNING *, now() AS seen_at
    """
)
DECIDE = text(
    """
    UPDATE approvals
    SET status = CASE WHEN :status = 'approved' AND cardinality(voters) + 1 < votes_needed THEN 'pending'
            ELSE :status END,
        voters = CASE WHEN :status = 'approved' THEN voters || CAST(:decider AS uuid) ELSE voters END,
        channel = 'rest', level = :level, decided_by = :decider, decided_at = now(), reason = :reason
    WHERE tenant_id = :tenant AND id = :id AND status = 'pending' AND expires_at > now()
        AND NOT (:status = 'approved' AND CAST(:decider AS uuid) = ANY(voters))
    RETURNING *, now() AS seen_at
    """
)
CONSUME = text(
    """
    UPDATE approvals SET status = 'consumed', consumed_at = now()
    WHERE tenant_id = :tenant AND actor = :actor AND client = :client AND tool = :tool AND args_hash = :args_hash
        AND id = :id AND fingerprint = :fingerprint AND policy_version = :policy_version AND level >= :level_needed
        AND status = 'approved' AND expires_at > now()
    RETURNING *, now() AS seen_at
    """
)
LIST = text(
    """
    SELECT *, now() AS seen_at FROM approvals
    WHERE tenant_id = :tenant AND (:status = '' OR status = :status) AND (:status <> 'pending' OR expires_at > now())
        AND (:everything OR actor = :person OR on_behalf_of = :person) AND id < :before
    ORDER BY id DESC LIMIT :size
    """
)
