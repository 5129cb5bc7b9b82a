"""The states of a victim's fitted defences, a file for each."""

from collections.abc import Callable
import hashlib
import json
import os
import pathlib
from typing import Any

from attacks.oracle.defences import resolve_defence
from models.processes.files import write_once


class DefenceStates:
    """The folder `defences` in the output directory of a victim.

    A file holds the state alone, so it can be named in a member: `decoy:state=FILE.json`. A defence
    is fitted once for a directory: a run that is resumed on another machine, where the victim's
    answers are rounded differently, reads the state.

    Args:
        directory: The output directory of the victim.
        owner: What a state depends on besides its defence, such as the fingerprints of the victim
            and of the data; JSON can write it.
    """

    def __init__(self, directory: str | os.PathLike, owner: Any):
        self._directory, self._owner = pathlib.Path(directory, "defences"), owner

    def recall(self, member: str, fit: Callable[[], str]) -> str:
        """Returns the state of a defence, as JSON; `fit` is called if there is none.

        Args:
            member: The defence, as written.
            fit: Returns the state that is then kept.

        Raises:
            ValueError: If the file cannot be read.
        """
        path = self._path(member)
        write_once(path, lambda file: file.write((fit() + "\n").encode()))
        try:
            return json.dumps(json.loads(path.read_text("utf-8")), sort_keys=True)
        except ValueError as error:
            raise ValueError(f"{path} must hold what a defence was fitted to, in JSON. "
                             f"Received: {error}") from error

    def _path(self, member):
        name, options = resolve_defence(member)
        key = json.dumps([name, options, self._owner], sort_keys=True)
        return self._directory / f"{name}-{hashlib.sha256(key.encode()).hexdigest()[:10]}.json"
