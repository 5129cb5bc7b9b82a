"""The defence that a thief believes to face."""

import dataclasses

from attacks.oracle.defences import AS_SERVED
from attacks.oracle.defences import layer_of
from attacks.oracle.defences import resolve_defence
from models.seeds import derive
from revsig_keras import Defence
from revsig_keras import ReverseSigmoid
from revsig_keras.defences.catalogue import DEFENCES
from revsig_keras.defences.catalogue import make_defence
from revsig_keras.registry import Member
from revsig_keras.registry import parse_member


class Undefended(Defence):
    """The identity, for a thief who believes that there is no defence."""

    @property
    def keeps_label(self):
        return "by_construction"

    def perturb(self, probabilities):
        return probabilities


@dataclasses.dataclass(frozen=True)
class Guess:
    """A thief's belief about the defence: the deployed one, or a guess.

    Attributes:
        beta: Float in (0, 2), the magnitude of a guessed Reverse Sigmoid, which keeps the label if
            the deployed defence does. `0`, together with `gamma`: no such guess.
        gamma: Float in (0, 1], likewise.
        member: Member of `revsig_keras.defences.catalogue.DEFENCES`, the guessed defence. `""`,
            without `beta` and `gamma`: the thief knows the deployed defence.
        know_secret: Whether the thief also knows the secrets of the deployed defence (its entries
            `Defence.secrets` and `Defence.keyed_by`). By default it has its own in their place.
    """
    beta: float = 0.0
    gamma: float = 0.0
    member: str = ""
    know_secret: bool = False

    def __post_init__(self):
        if bool(self.beta) != bool(self.gamma):
            raise ValueError("`beta` and `gamma` must be given both, as a guess, or neither, where "
                             f"the thief knows the defence. Received: beta={self.beta}, "
                             f"gamma={self.gamma}")
        if self.is_guess and self.know_secret:
            raise ValueError("`know_secret` must be left out with a guess: the secret is that of "
                             "the deployed defence. Received: know_secret=True")
        if self.beta:
            ReverseSigmoid(self.beta, self.gamma)  # refuses values out of range
            if self.member:
                raise ValueError("`guess` must be given without `beta` and `gamma`, which guess a "
                                 f"Reverse Sigmoid. Received: guess={self.member!r}")
        if self.member:
            make_defence(self.member)  # likewise

    @property
    def is_guess(self) -> bool:
        """Whether the thief guesses the defence instead of knowing it."""
        return bool(self.beta or self.member)

    def unfit(self, defence: str) -> str | None:
        """Returns why the thief has nothing to simulate against a defence (a member), or None."""
        if self.is_guess:
            return _why_not_guessed(self.member)
        if defence == AS_SERVED:
            return "an endpoint does not tell its defence, so it must be guessed"
        if DEFENCES.without_secrets(defence) != defence:
            try:
                self.layer(defence)
            except ValueError:
                return "the defence cannot be simulated without its secret"
        return None

    def check_classes(self, num_classes: int) -> None:
        """Raises `ValueError` if the guessed defence does not exist for so many classes."""
        if not self.is_guess:
            return
        try:
            self.layer(AS_SERVED).check_input((None, num_classes))
        except ValueError as error:
            raise ValueError(f"`guess` must be a defence of {num_classes} classes. Received: "
                             f"{self.simulated(AS_SERVED)}: {error}") from error

    def simulated(self, defence: str) -> str:
        """Returns the defence that the thief simulates, as a member.

        Args:
            defence: The deployed defence as a member, or `as_served` if there is a guess.
        """
        if self.member:
            return self.member
        if self.beta:
            keeps_label = resolve_defence(defence)[1].get("preserve_top1", True)
            return (f"reverse_sigmoid:beta={self.beta}:gamma={self.gamma}"
                    f":preserve_top1={str(keeps_label).lower()}")
        return defence if self.know_secret else _with_own_keys(DEFENCES.without_secrets(defence))

    def layer(self, defence: str, state: str = "") -> Defence:
        """Makes the layer that the thief simulates.

        Args:
            defence: See `simulated`.
            state: What the deployed defence was fitted to, as `Known.defence_state` tells it; of no
                use to a guess. Defaults to `""`.
        """
        return layer_of(self.simulated(defence), self.known_state(state)) or Undefended()

    def known_state(self, state: str) -> str:
        """Returns the state that the simulated defence has, given that of the deployed one."""
        return "" if self.is_guess else state


def _why_not_guessed(member):
    layer = make_defence(member) if member else None
    if layer is None or layer.state is not None or not layer.is_fittable:
        return None
    return f"what the guessed {member} was fitted to is not known"


def _with_own_keys(defence):
    """The member with the thief's own value in place of each number that the defence is keyed by.

    A key that is no number has its default, as a secret has.
    """
    name, options = DEFENCES.resolve(defence)
    layer = make_defence(defence)
    written = dict(parse_member(defence).options)
    for key in layer.keyed_by if layer else ():
        written.pop(key, None)
        if isinstance(options.get(key), int):
            written[key] = str(derive(0, f"a thief's own {key}") % 2**31)
    return str(Member(name, written))
