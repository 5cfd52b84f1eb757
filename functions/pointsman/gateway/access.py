"""Who may ask what, and how often: decided before a request costs anything."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from pointsman.errors import PERMISSION_DENIED, UNAUTHENTICATED, Failure
from pointsman.gateway.bearer import Bearer, Permit
from pointsman.gateway.exposure import check_exposure, is_loopback
from pointsman.gateway.key import Key
from pointsman.gateway.keyring import Keyring

_NO_KEY: Final = Failure(
    UNAUTHENTICATED, "a key is needed: send the header `authorization: Bearer KEY`, or `x-api-key: KEY`"
)
# Holds no place of anybody's, so one is enough for all.
_OPEN: Final = Permit()
_UNKNOWN: Final = Failure(UNAUTHENTICATED, "the key is not one of this gateway's, or was revoked")
_NO_CONTROL: Final = Failure(
    PERMISSION_DENIED,
    "loading, unloading and uploading need a key that may: `pointsman keys create --may-control`",
)


class Access:
    """Admits requests. Belongs to one event loop; `clock_ns` is monotonic. Counts are this process's own.

    Without a keyring everybody is admitted, to loading, unloading and uploading only with `control_is_open`.
    """

    def __init__(
        self, keyring: Keyring | None, clock_ns: Callable[[], int], *, control_is_open: bool = False
    ) -> None:
        self._keyring = keyring
        self._clock_ns = clock_ns
        self._control_is_open = control_is_open
        self._bearers: dict[str, Bearer] = {}
        self._readings = 0

    def admit(self, token: str | None, model: str, control: bool = False) -> Permit | Failure:
        """Return a permit, which must be released; or why not.

        `model` is empty where a request is about no single model; then any key will do, and what is listed
        must be what the permit `allows`. `control` says that it loads, unloads or uploads.
        Failures: UNAUTHENTICATED, PERMISSION_DENIED, and RESOURCE_EXHAUSTED as `Throttled`. What is refused
        uses up nothing.
        """
        key = self._allowed(token, model, control)
        if isinstance(key, Failure):
            return key
        if key is None or self._keyring is None:
            return _OPEN
        bearer = self._bearer(key, self._keyring)
        return bearer.refusal(self._clock_ns()) or Permit(bearer)

    def check(self, token: str | None, model: str, control: bool = False) -> Failure | None:
        """Return why a key may not ask at all, if it may not: what can be said before a body is looked at.

        It uses up nothing of the key's limits; `admit` must follow.
        """
        key = self._allowed(token, model, control)
        return key if isinstance(key, Failure) else None

    @property
    def is_open(self) -> bool:
        """Whether nobody needs a key."""
        return self._keyring is None

    def _allowed(self, token: str | None, model: str, control: bool) -> Key | Failure | None:
        if self._keyring is None:
            return _NO_CONTROL if control and not self._control_is_open else None
        if not token:
            return _NO_KEY
        key = self._keyring.find(token)
        if key is None:
            return _UNKNOWN
        if control and not key.may_control:
            return _NO_CONTROL
        if model and not key.allows(model):
            return Failure(PERMISSION_DENIED, f"key {key.name} may not ask this model", "model")
        return key

    def _bearer(self, key: Key, keyring: Keyring) -> Bearer:
        if self._readings != keyring.readings:
            self._readings = keyring.readings
            known = {one.hash for one in keyring}
            # One that has requests under way stays: should its key come back, they still count.
            self._bearers = {
                name: one for name, one in self._bearers.items() if name in known or one.unanswered
            }
        bearer = self._bearers.get(key.hash)
        if bearer is None:
            bearer = self._bearers[key.hash] = Bearer(key, self._clock_ns())
        elif bearer.key is not key:
            bearer.follow(key, self._clock_ns())
        return bearer


def token_from(headers: Mapping[str, str]) -> str | None:
    """Return the key that a request carries, or None. Names of headers (gRPC: metadata) are in lower case.

    `authorization` of another scheme than Bearer is a proxy's business and passed over.
    """
    scheme, _, rest = headers.get("authorization", "").strip().partition(" ")
    token = rest.strip() if scheme.lower() == "bearer" else ""
    return token or headers.get("x-api-key", "").strip() or None


def access_of(host: str, keys: str, open_access: bool, clock_ns: Callable[[], int]) -> Access:
    """Return the access rules of a gateway that listens on `host`; arguments are the settings.

    Without keys anybody may control it on loopback, and nobody elsewhere. Raises SettingsError as
    `check_exposure` and `Keyring` do.
    """
    check_exposure(host, keys, open_access)
    keyring = Keyring(Path(keys), clock_ns) if keys else None
    return Access(keyring, clock_ns, control_is_open=is_loopback(host))
