"""How the tables of each release became those of the next; run by Alembic, never edited after a release."""
