"""Whether others than this machine could reach a gateway that asks nobody for a key."""

from __future__ import annotations

import ipaddress

from pointsman.errors import SettingsError


def check_exposure(host: str, keys: str, open_access: bool) -> None:
    """Raise SettingsError where strangers could reach a gateway that asks nobody for a key.

    `host` is the address it is to listen on; a name other than localhost counts as one that others reach.
    """
    if keys or open_access or is_loopback(host):
        return
    raise SettingsError(
        f"host {host or 'empty'} can be reached by others, and there are no keys: make one with"
        " `pointsman keys create NAME --keys FILE` and set `keys` to the file, or set `open_access` to true"
        " to let anybody ask"
    )


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches the address."""
    if host.lower() == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback
