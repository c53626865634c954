# SPDX-License-Identifier: Apache-2.0
"""Who is asking, and what they may do."""

import base64
from dataclasses import dataclass, field

DEFAULT_USERS = {"alice": ["acme"], "bob": []}
DEFAULT_TOKENS = {
    "hf_test_write_token": {"user": "alice", "role": "write"},
    "hf_test_read_token": {"user": "alice", "role": "read"},
    "hf_other_token": {"user": "bob", "role": "write"},
}


@dataclass(frozen=True)
class Identity:
    """The caller of one request; `kind` is what the request log says about the credential."""

    kind: str  # none, read, write, fineGrained, invalid, xet
    user: str | None = None
    orgs: tuple = ()
    role: str | None = None
    repos: frozenset = field(default_factory=frozenset)  # only these, for fineGrained tokens

    @property
    def namespaces(self):
        """Names this caller owns repositories under."""
        return (self.user, *self.orgs) if self.user else ()


ANONYMOUS = Identity("none")
INVALID = Identity("invalid")


class Users:
    """Users with their organisations, and tokens."""

    def __init__(self):
        self.users = {name: list(orgs) for name, orgs in DEFAULT_USERS.items()}
        self.tokens = {token: dict(info) for token, info in DEFAULT_TOKENS.items()}

    def add(self, user, orgs=()):
        """Make a user, or change the organisations of one."""
        self.users[user] = list(orgs)

    def add_token(self, token, user, role="read", repos=()):
        """role: read, write, or fineGrained (write access to `repos` only)."""
        self.users.setdefault(user, [])
        self.tokens[token] = {"user": user, "role": role, "repos": list(repos)}

    def revoke(self, token):
        """From now on the token is invalid."""
        self.tokens.pop(token, None)

    def identify(self, headers):
        """Bearer, or Basic with the token as password, as git sends it."""
        scheme, _, value = headers.get("authorization", "").partition(" ")
        if not scheme:
            return ANONYMOUS
        token = value.strip()
        if scheme.lower() == "basic":
            try:
                token = base64.b64decode(token).decode().partition(":")[2]
            except ValueError:
                return INVALID
        info = self.tokens.get(token)
        if info is None:
            return INVALID
        orgs = tuple(self.users.get(info["user"], ()))
        return Identity(info["role"], info["user"], orgs, info["role"], frozenset(info.get("repos", ())))


def owns(who, repo):
    """Owner, member of the owning organisation, or collaborator."""
    is_owner = repo.owner.lower() in (name.lower() for name in who.namespaces)
    return is_owner or (who.user is not None and who.user in repo.collaborators)


def may_read(who, repo):
    """Public repositories are everybody's; private ones their owners'."""
    if not repo.private:
        return True
    return owns(who, repo) and (who.role != "fineGrained" or repo.id in who.repos)


def may_write(who, repo):
    """Needs a token with write scope on top of ownership."""
    if not owns(who, repo):
        return False
    return who.role == "write" or (who.role == "fineGrained" and repo.id in who.repos)


def passes_gate(who, repo):
    """Gated repositories list for everybody but read only for owners and approved users."""
    return not repo.gated or owns(who, repo) or (who.user is not None and who.user in repo.approved)
