"""Defences as they are deployed: fitted to the owner's rows, where they can be fitted."""

import dataclasses
import hashlib
import json
import logging
from typing import Any
import warnings

import keras

from attacks.oracle.defences import AS_SERVED
from attacks.oracle.defences import layer_of
from attacks.oracle.defences import resolve_defence
from models.data.splits import Rows
from models.victim import OwnVictim
from models.victim import Victim
from revsig_keras import Defence
from revsig_keras.defences.catalogue import make_defence
from revsig_keras.defended_model.expectations import check_configuration

_LOG = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Deployed:
    """A defence as it answers for one victim.

    Attributes:
        member: Member of `revsig_keras.defences.catalogue.DEFENCES`, as written, or `as_served`.
        state: What the defence was fitted to, `Defence.state`, as JSON. `""`: nothing.
        fitted_to: The rows that it was fitted to: `victim_validation` or `evaluation`, parts of
            `models.data.splits.Splits`, or `file` for a state that the member names.
        rows: The number of these rows, 0 where it is not known.
    """
    member: str
    state: str = ""
    fitted_to: str = ""
    rows: int = 0

    def layer(self) -> Defence | None:
        """Makes the layer; see `attacks.oracle.defences.layer_of`."""
        return layer_of(self.member, self.state)

    def describe(self) -> dict[str, Any]:
        """What records keep, empty for a defence without a state.

        The digest is the SHA-256 of the state as JSON with sorted keys, in hexadecimal.
        """
        if not self.state:
            return {}
        digest = hashlib.sha256(self.state.encode()).hexdigest()
        told: dict[str, Any] = {"digest": digest, "fitted_to": self.fitted_to}
        return {"defence_state": {**told, "rows": self.rows} if self.rows else told}


def needs_rows(member: str) -> bool:
    """Whether a defence must be fitted: it implements `fit_state`, and the member names no state.

    A member names one with an option `state`, such as `confidence_buckets:state=FILE.json`.
    """
    if member == AS_SERVED or _names_state(member):
        return False
    layer = make_defence(member)
    return layer is not None and layer.is_fittable


def named(member: str) -> Deployed:
    """Returns a defence without fitting it, with the state that the member names, if any."""
    if member == AS_SERVED or not _names_state(member):
        return Deployed(member)
    layer = make_defence(member)
    return Deployed(member, _written(layer.state),
                    "file") if layer.is_fittable else Deployed(member)


def fit(member: str, victim: Victim | OwnVictim, rows: Rows, fitted_to: str) -> Deployed:
    """Fits a defence to a victim's clean answers and to the true labels of rows.

    Args:
        member: A member for which `needs_rows`.
        victim: The clean victim.
        rows: The rows.
        fitted_to: The name of the rows; see `Deployed`.

    Raises:
        ValueError: If the defence does not fit the victim, or cannot be fitted.
    """
    layer = make_defence(member)
    check_configuration(keras.layers.Softmax(), victim.num_classes, layer)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        try:
            layer.adapt(victim.probabilities(rows.x), rows.y)
        except ValueError as error:
            raise ValueError(f"`defences` must be such as can be fitted to {len(rows)} rows of "
                             f"{fitted_to}. Received: {member}: {error}") from error
    for warning in told:
        _LOG.warning("%s, fitted to %s rows of %s: %s", member, len(rows), fitted_to,
                     warning.message)
    return Deployed(member, _written(layer.state), fitted_to, len(rows))


def _names_state(member):
    return bool(resolve_defence(member)[1].get("state"))


def _written(state):
    return json.dumps(state, sort_keys=True)
