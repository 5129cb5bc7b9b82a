"""Runs `python -m revsig_keras.export` and `python -m revsig_keras.inspect`."""
from absl import flags
import pytest

from revsig_keras.cli.program import guarded
from revsig_keras.export import __main__ as program
from tests import programs
from tests.serving import exports

REVERSE_SIGMOID = f"--defence={exports.DEFENCE}"


def run(*options):
    """In this process, with flags of its own."""
    values = flags.FlagValues()
    program.define_flags(values)
    values(["export", *options])
    guarded(lambda: program.main(values),
            flag_of={
                **{
                    name: name for name in values
                },
                **program.RENAMED
            })


def refused(capsys, *options):
    """The one line that the user gets."""
    with pytest.raises(SystemExit) as exit_info:
        run(*options)
    line = exit_info.value.code
    assert isinstance(line, str)  # So the exit status is 1.
    assert line.startswith("error: ") and len(line.splitlines()) == 1
    assert not capsys.readouterr().out
    return line


def subprogram(*options, name="export"):
    """In a process of its own."""
    return programs.run(f"revsig_keras.{name}", *options)
