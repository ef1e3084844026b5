"""A store over a migrated database of each kind with nothing in it, as the tests of the store."""

from tests.store.conftest import shared_url, sqlite_template, store

__all__ = ["shared_url", "sqlite_template", "store"]
