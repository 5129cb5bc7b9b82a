"""Command-line flags, made from the options that dataclasses declare."""
from collections.abc import Callable
import contextlib
from typing import Any

from absl import flags

from revsig_keras.errors import renaming
from revsig_keras.options import Option
from revsig_keras.options import options_of

# The flags belong to the program that calls `define_flags`: its --help lists them.
flags.disclaim_key_flags()

_DEFINE: dict[type, Callable[..., Any]] = {
    bool: flags.DEFINE_bool,
    int: flags.DEFINE_integer,
    float: flags.DEFINE_float,
    str: flags.DEFINE_string,
    list: flags.DEFINE_list,
}


def define_flags(config: type, values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines the flags of a dataclass; called by programs, so that no import defines any.

    Args:
        config: A dataclass with options, see `revsig_keras.options`.
        values: Where they are defined.
    """
    for option in options_of(config):
        _define(option, values)


def raw_values(config: type, values: flags.FlagValues = flags.FLAGS) -> dict[str, Any]:
    """The raw values of a dataclass's options, by their names, as the command line gives them."""
    return {option.name: values[option.name].value for option in options_of(config)}


def naming_flags(config: type) -> contextlib.AbstractContextManager[None]:
    """A context in which errors name the flags of a program, not its options and their fields.

    Args:
        config: A dataclass with options.
    """
    options = options_of(config)
    by_field = {option.field: f"--{option.name}" for option in options}
    return renaming({**by_field, **{option.name: f"--{option.name}" for option in options}})


def _define(option: Option, values: flags.FlagValues) -> None:
    if option.choices is not None:
        flags.DEFINE_enum(option.name,
                          option.default,
                          option.choices,
                          option.help,
                          flag_values=values)
    else:
        _DEFINE[option.kind](option.name, option.default, option.help, flag_values=values)
