"""The API key of a remote: a secret of the pod's, which goes where its operator says and nowhere else."""

from __future__ import annotations

import os
from collections.abc import Sequence
from ipaddress import ip_address
from typing import Final

from pointsman.errors import FAILED_PRECONDITION, INVALID_ARGUMENT, PERMISSION_DENIED, Failure, LoadError
from pointsman.runtimes.base import one_line
from pointsman.runtimes.remote.address import Address, allowed_of, is_below

# A version's author names the variable, and what it holds leaves the pod: no other secret may be named.
_SUFFIX: Final = "_API_KEY"
_FIELD: Final = "options.key_env"


def key_of(name: str, address: Address, remotes: Sequence[str]) -> str:
    """Return the API key in an environment variable, empty for no name; raises LoadError.

    It must be bound in `remotes` to a prefix of the address, which is reached by TLS or in this machine.
    """
    if not name:
        return ""
    if not name.endswith(_SUFFIX):
        raise _refused(INVALID_ARGUMENT, f"the name of the variable must end in {_SUFFIX}")
    where = f"{address.scheme}://{address.authority}"
    if not any(one.key == name and is_below(address, one.prefix) for one in allowed_of(remotes)):
        remedy = f"its operator allows it by {name}@{where} in the setting `remotes`"
        raise _refused(PERMISSION_DENIED, f"this pod may not send {name} to {where}; {remedy}")
    if not address.is_secure and not _is_loopback(address.host):
        remedy = f"use {address.scheme}s://, or a server on the pod's own localhost"
        raise _refused(PERMISSION_DENIED, f"a key is not sent to {where} in the clear; {remedy}")
    key = os.environ.get(name, "").strip()
    if not key or not (key.isascii() and key.isprintable()):
        raise _refused(FAILED_PRECONDITION, f"the pod has no key in the environment variable {name}")
    return key


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _refused(code: str, said: str) -> LoadError:
    return LoadError(Failure(code, one_line(f"{_FIELD}: {said}"), _FIELD))
