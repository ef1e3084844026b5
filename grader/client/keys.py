"""The keys of a service, for whoever may make and revoke them."""

from collections.abc import Iterator

from grader.client.connection import Connection, Json, segment


class Keys(Connection):
    def iter_keys(self) -> Iterator[Json]:
        return self._pages("/v1/keys")

    def add_key(self, name: str, scopes: list[str]) -> Json:
        """Make a key; the answer's `key` is shown this once."""
        return self._post("/v1/keys", {"name": name, "scopes": scopes})

    def revoke_key(self, key_id: str) -> None:
        self._request("DELETE", f"/v1/keys/{segment(key_id)}")
