"""A half-asked ledger of the first version: what is answered in it is never asked again."""
import errno
import json
import pathlib
import shutil
import socket

import pytest

from tests.compatibility import audited
from tests.programs import Program

OLD = pathlib.Path(__file__).parent / "data" / "audit"
EXPECTED = json.loads((OLD / "expected.json").read_text())


def has_address():
    """Not every system has all of 127.0.0.0/8."""
    with socket.socket() as probe:
        try:
            probe.bind((audited.ADDRESS[0], 0))
        except OSError as error:
            return error.errno != errno.EADDRNOTAVAIL
    return True


def audit(*options):
    """The bill of an audit by the program; that the endpoint is owned is in the ledger."""
    process = Program("attacks.run", *audited.AUDIT, *options)
    _, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    directory = pathlib.Path(options[-1].removeprefix("--output_dir="))
    return json.loads((directory / "verdict.json").read_text())["bill"]


@pytest.mark.skipif(not has_address(), reason=f"{audited.ADDRESS[0]} is not on this system")
def test_a_half_asked_ledger_is_asked_for_the_rest_only(tmp_path):
    """By the run that it is of, and then, for nothing, by another one."""
    half, another = tmp_path / "half", tmp_path / "another"
    shutil.copytree(OLD / "half", half)
    before = {path: path.read_bytes() for path in (half / "cells").iterdir()}
    with audited.served(tmp_path / "model") as server:
        bill = audit(f"--output_dir={half}")
        assert server.rows == EXPECTED["rows_of_a_whole_audit"] - EXPECTED["rows_answered"]
        assert bill["rows_resent"] == EXPECTED["rows_in_doubt"]
        assert bill["rows_sent"] == (EXPECTED["rows_of_a_whole_audit"] + EXPECTED["rows_in_doubt"])
        asked = server.rows
        bill = audit(f"--ledger={half / 'ledger.sqlite'}", f"--output_dir={another}")
        assert server.rows == asked and bill["rows_sent"] == 0
    assert {path: path.read_bytes() for path in before} == before
    assert len(list((half / "cells").iterdir())) == len(list((another / "cells").iterdir())) == 8
