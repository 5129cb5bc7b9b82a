"""What a user of the programs and of the library can name."""
import inspect
import re
import xml.etree.ElementTree

import keras

import revsig_keras
from tests.compatibility.programs import run_all

PROGRAMS = ("attacks.run", "attacks.plot", "models.train", "models.tune", "revsig_keras.export",
            "revsig_keras.inspect", "revsig_keras.tune")
# The flags of `attacks.run` whose help lists what can be chosen.
LISTING = ("defences", "attacks", "adversaries", "optimizer", "clone_architecture")
_MEMBER = re.compile(r"\w+(?::\w+=[\w.+/-]*\w)*")


def helps():
    """The key flags of each program, from `--helpxml`: type, default, help and enum values."""
    flags = {}
    for program, (_, out, err) in zip(PROGRAMS,
                                      run_all([(name, "--helpxml") for name in PROGRAMS])):
        assert out, err
        flags[program] = {
            flag.findtext("name"): {
                "type": flag.findtext("type"),
                "default": flag.findtext("default"),
                "help": flag.findtext("meaning"),
                "enum": [value.text for value in flag.findall("enum_value")],
            }
            for flag in xml.etree.ElementTree.fromstring(out).iter("flag")
            if flag.findtext("key") == "yes"
        }
    return flags


def members(text):
    """All words of a help text, among them the members: `name` or `name:key=value`."""
    return _MEMBER.findall(text)


def signatures():
    """The parameters, without annotations, of all that the library exports."""
    found = {}
    for module in (revsig_keras, revsig_keras.metrics):
        for name in module.__all__:
            value = getattr(module, name)
            if callable(value):
                found[f"{module.__name__}.{name}"] = parameters(value)
    return found


def parameters(function):
    """Texts such as `beta=1.0`, in order, with a `*` before those that are keywords only."""
    function = function.__init__ if inspect.isclass(function) else function
    bare = [
        parameter.replace(annotation=parameter.empty)
        for parameter in inspect.signature(function).parameters.values()
    ]
    return re.findall(r"\*?\*?\w+(?:=[^,]+)?|\*", str(inspect.Signature(bare))[1:-1])


def registered_names():
    """The names under which Keras finds the classes of the library."""
    registered = keras.saving.get_custom_objects()
    return sorted(name for name in registered if name.startswith("revsig_keras>"))
