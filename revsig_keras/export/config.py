"""The configuration of an export."""
import dataclasses
import os
import pathlib
from typing import Any

from revsig_keras.arguments import check_names
from revsig_keras.export import legacy
from revsig_keras.export.keras_files import check_kind
from revsig_keras.export.keras_files import is_keras_file
from revsig_keras.saved_model import files
from revsig_keras.strength.cost_limits import CostLimits


@dataclasses.dataclass(frozen=True)
class ExportConfig:
    """The model and the defence to export, and what to do with other outputs.

    Attributes:
        model: A .keras, .h5 or .hdf5 file, the folder of a SavedModel from any program, or a model
            of tf_keras.
        output: The folder of versions that the server polls.
        defence: The textual form of a defence, as for `make_defence`; `None` for the defence of a
            `DefendedModel` in a .keras file. For several outputs, a tuple of "NAME=MEMBER", where
            NAME is an output as for `output_name`.
        output_name: The output with the scores, "output" in every signature that has it, or
            "signature/output"; `None` where only one output can be scores, or where `defence` names
            its output.
        allow_outputs: Outputs that may stay as they are, "output" or "signature/output" each.
        drop_outputs: Outputs that are left out.
        warmup: File of sample inputs, .npy, .npz or .tfrecord; `None` for none.
        inputs: File of the owner's rows, as `warmup`, on which the strength is chosen: the
            strongest inside `limits`. In an .npz file, the array `y` has the true labels, and
            `y/NAME` those of the output NAME. `None` if `defence` has the strength.
        limits: Limits on what the defence may cost, at least one with `inputs`. `defence` then
            leaves out the options to choose, and is by default the Reverse Sigmoid.
        state: File for the state of a coded defence that was chosen, as JSON; `None` for none.
        safe_mode: Whether layers that run code of a Keras file, such as `Lambda`, are refused.
    """
    model: Any
    output: str | os.PathLike[str]
    defence: str | tuple[str, ...] | None = None
    output_name: str | None = None
    allow_outputs: tuple[str, ...] = ()
    drop_outputs: tuple[str, ...] = ()
    warmup: str | os.PathLike[str] | None = None
    safe_mode: bool = True
    inputs: str | os.PathLike[str] | None = None
    limits: CostLimits = CostLimits()
    state: str | os.PathLike[str] | None = None

    def __post_init__(self) -> None:
        for name in ("allow_outputs", "drop_outputs"):
            object.__setattr__(self, name, check_names(name, getattr(self, name)))
        if self.defence is not None:
            check_names("defence", self.defence)
        if not os.fspath(self.output):
            raise ValueError("`output` must be a folder. Received: an empty path")
        self._check_paths()
        self._check_choosing()
        if not legacy.is_model(self.model):
            self._check_model()

    def _check_paths(self) -> None:
        for name in ("model", "output", "warmup", "inputs", "state"):
            path = getattr(self, name)
            if isinstance(path, (str, os.PathLike)) and "://" in os.fspath(path):
                raise ValueError(f"`{name}` must be a path of this machine. Copy what is "
                                 f"elsewhere here first. Received: {path}")

    def _check_model(self) -> None:
        if not isinstance(self.model, (str, os.PathLike)):
            raise ValueError("`model` must be a file, a folder or a model of tf_keras. A model of "
                             "Keras 3 is exported by `DefendedModel(model).export(path)`. "
                             f"Received: {self.model!r}")
        if files.is_saved_model(self.model):
            output, model = (pathlib.Path(path).resolve() for path in (self.output, self.model))
            if model in (output, *output.parents):
                raise ValueError("`output` must not be inside of `model`, which stays as it is. "
                                 f"Received: {self.output}, inside of {self.model}")
        elif not is_keras_file(self.model):
            check_kind(self.model, "`model`")
            raise ValueError("`model` must be a .keras file or the folder of a SavedModel, such as "
                             f"that of one version. Received: {files.described(self.model)}")

    def _check_choosing(self) -> None:
        """Raises `ValueError` if a limit, or what goes with it, is missing."""
        limits = self.limits.given()
        if limits and self.inputs is None:
            raise ValueError(f"`inputs` must be a file of rows where `{next(iter(limits))}` is "
                             "given: the strength is chosen by what it does to their answers. "
                             "Received: inputs=None")
        if self.inputs is not None and not limits:
            raise ValueError("`inputs` must be left out unless there is a limit, such as "
                             f"`max_l1=1`. Received: {self.inputs}")
        if self.state is not None and self.inputs is None:
            raise ValueError("`state` must be left out unless a strength is chosen. Received: "
                             f"{self.state}")
