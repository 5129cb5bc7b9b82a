"""Flags, members, names and signatures of the first version are still there; more may follow."""
import json
import pathlib

import keras
import pytest

import revsig_keras
from tests.compatibility import public

OLD = json.loads((pathlib.Path(__file__).parent / "data" / "public.json").read_text())
# The CHANGELOG has these names, and `DefendedModel` no longer takes `None` for a defence.
RENAMED = {"Noise": "Distortion", "noise": "distortion"}
REPLACED = {"revsig_keras.DefendedModel": {"defence=None": "defence=ReverseSigmoid()"}}
# Members with another default, likewise: that of before can be written.
CHANGED = {
    "bayes:beta=0.0:gamma=0.0:prior=clone:pairs=100000:tolerance=0.01":
        "bayes:beta=0.0:gamma=0.0:prior=dirichlet:pairs=100000:tolerance=0.01",
}
# A flag that may be given once, and one that may be repeated: it takes all former commands.
WIDENED = {("string", ""): ("multi string", "[]")}
MODULES = {"revsig_keras": revsig_keras, "revsig_keras.metrics": revsig_keras.metrics}


@pytest.fixture(scope="module")
def helps():
    return public.helps()


@pytest.mark.parametrize("program", public.PROGRAMS)
def test_every_flag_has_its_type_default_and_values(helps, program):
    found = helps[program]
    for name, old in OLD["flags"][program].items():
        now = found[name]
        before = old["type"], old["default"]
        assert (now["type"], now["default"]) in (before, WIDENED.get(before)), name
        assert set(old["enum"]) <= set(now["enum"]), name


@pytest.mark.parametrize("flag", public.LISTING)
def test_every_member_is_listed_with_its_defaults(helps, flag):
    assert len(OLD["members"][flag]) > 1
    listed = public.members(helps["attacks.run"][flag]["help"])
    missing = [
        member for member in OLD["members"][flag]
        if not any(f"{now}:".startswith(f"{CHANGED.get(member, member)}:") for now in listed)
    ]
    assert not missing


@pytest.mark.parametrize("module", MODULES)
def test_every_public_name_is_exported(module):
    expected = {RENAMED.get(name, name) for name in OLD["names"][module]}
    assert expected <= set(MODULES[module].__all__)


@pytest.mark.parametrize("name", OLD["signatures"])
def test_every_parameter_keeps_its_name_default_and_place(name):
    module, _, member = name.rpartition(".")
    replaced = REPLACED.get(name, {})
    old = [replaced.get(parameter, parameter) for parameter in OLD["signatures"][name]]
    now = public.parameters(getattr(MODULES[module], RENAMED.get(member, member)))
    assert [parameter for parameter in now if parameter in old] == old
    assert all("=" in parameter or "*" in parameter for parameter in now if parameter not in old)


@pytest.mark.parametrize("name", OLD["registered"])
def test_keras_knows_every_class_by_its_registered_name(name):
    found = keras.saving.get_registered_object(name)
    member = name.removeprefix("revsig_keras>")
    assert found is (getattr(revsig_keras, member, None) or getattr(revsig_keras.metrics, member))
