"""Defects of the client: the member list."""

from roomcheck.reference.client_machine import ClientMachine, Room, State
from roomcheck.reference.defects.registry import defect


@defect("double-add", "members", "ZX-MEMBERS-5", "ZX-MEMBERS-1", "ZX-MEMBERS-2")
class _DoubleAdd(ClientMachine):
    """Every ADD is told twice."""

    def _tell_users(self, room: Room, update: str, users: list[str]) -> None:
        super()._tell_users(room, update, users)
        if update == "ADD":
            super()._tell_users(room, update, users)


@defect("double-delete", "members", "ZX-MEMBERS-5", "ZX-MEMBERS-3")
class _DoubleDelete(ClientMachine):
    """Every DELETE is told twice."""

    def _tell_users(self, room: Room, update: str, users: list[str]) -> None:
        super()._tell_users(room, update, users)
        if update == "DELETE":
            super()._tell_users(room, update, users)


@defect("no-list-after-login", "members", "ZX-MEMBERS-2")
class _NoListAfterLogin(ClientMachine):
    """After a login the members who were there before are not told."""

    def _listed(self, room: Room, users: set[str]) -> None:
        if room.state is State.LOGINED:
            room.known = users
        else:
            super()._listed(room, users)


@defect("list-misses-one", "members", "ZX-MEMBERS-2")
class _ListMissesOne(ClientMachine):
    """After a login the members come one by one, and the last of them is missing."""

    def _listed(self, room: Room, users: set[str]) -> None:
        if room.state is State.LOGINED:
            for user in sorted(users)[:-1]:
                self._update(room, {user}, set())
            room.known = users
        else:
            super()._listed(room, users)


@defect("list-not-refreshed", "members", "ZX-MEMBERS-4")
class _ListNotRefreshed(ClientMachine):
    """After a reconnect nothing tells who came and went meanwhile."""

    def _listed(self, room: Room, users: set[str]) -> None:
        if room.state is State.RECONNECTED:
            room.known = users
        else:
            super()._listed(room, users)
