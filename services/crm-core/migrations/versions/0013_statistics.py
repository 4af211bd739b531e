"""Lets the application have PostgreSQL look anew at the tables that an import fills."""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

TABLES = (
    "record, record_change, contact, contact_email, contact_phone, external_id, company, company_domain, association, "
    "property_index, unique_value, search_term, search_word, word_gram"
)


def upgrade() -> None:
    """Grants ANALYZE, which PostgreSQL counts to MAINTAIN; the role still makes and alters nothing."""
    app = f"{op.get_bind().exec_driver_sql('SELECT current_schema()').scalar_one()}_app"
    op.execute(f"GRANT MAINTAIN ON {TABLES} TO {app}")
