"""What Alembic runs: the migrations, within the transaction that ``stores/migrate.py`` has opened."""

from alembic import context

context.configure(connection=context.config.attributes["connection"], transactional_ddl=True)
with context.begin_transaction():
    context.run_migrations()
