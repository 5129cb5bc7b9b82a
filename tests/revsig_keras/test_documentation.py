"""What the docstrings say is so."""
import dataclasses
import doctest
import importlib
import inspect
import pkgutil
import re

import keras
import numpy as np
import pytest

import revsig_keras
from tests.revsig_keras import backends

MODULES = ["revsig_keras"] + [
    module.name for module in pkgutil.walk_packages(revsig_keras.__path__, "revsig_keras.")
]
DOCUMENTED = [
    member for module in (revsig_keras, revsig_keras.metrics)
    for member in (getattr(module, name) for name in module.__all__)
    if callable(member) and not dataclasses.is_dataclass(member)
]


@backends.only_on("tensorflow", reason="the examples show what TensorFlow gives")
@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name):
    """As doctests, with the names that a user has imported."""
    names = {"keras": keras, "np": np}
    result = doctest.testmod(importlib.import_module(name), extraglobs=names)
    assert result.failed == 0


@pytest.mark.parametrize("name", MODULES)
def test_a_module_and_a_function_do_not_share_a_name(name):
    """`import revsig_keras.reverse_sigmoid as module` gave a function."""
    module = importlib.import_module(name)
    package, _, member = name.rpartition(".")
    assert not package or getattr(importlib.import_module(package), member) is module


def test_there_are_examples():
    """So the test above checks something."""
    for member in (revsig_keras, revsig_keras.ReverseSigmoid, revsig_keras.DefendedModel,
                   revsig_keras.Rounding, revsig_keras.TopK, revsig_keras.LabelOnly,
                   revsig_keras.RandomNoise, revsig_keras.reverse_sigmoid,
                   revsig_keras.make_defence, revsig_keras.choose_strength,
                   revsig_keras.metrics.BrierScore):
        assert ">>> " in member.__doc__


@pytest.mark.parametrize("member", DOCUMENTED, ids=lambda member: member.__name__)
def test_every_argument_is_documented_with_its_default(member):
    """In the order of the signature."""
    target = member.__init__ if inspect.isclass(member) else member
    parameters = dict(inspect.signature(target).parameters)
    parameters.pop("self", None)
    section = re.search(r"Args:\n(.*?)\n\s*\n", member.__doc__ + "\n\n", re.S).group(1)
    entries = re.split(r"\n?^ +(?=\*{0,2}\w+: )", section, flags=re.M)[1:]
    documented = {re.match(r"\**(\w+): ", entry).group(1): entry for entry in entries}
    assert list(documented) == list(parameters)
    for name, parameter in parameters.items():
        stated = re.search(r"Defaults\s+to\s+`(.*?)`", documented[name])
        if parameter.default is inspect.Parameter.empty:
            assert stated is None
        else:
            assert stated.group(1) == repr(parameter.default), name
