"""A model whose predictions are defended."""
from collections.abc import Collection, Mapping
import pathlib
from typing import Any

import keras

from revsig_keras.arguments import check_names
from revsig_keras.defences.base import Defence
from revsig_keras.defences.reverse_sigmoid import ReverseSigmoid
from revsig_keras.defended_model import exporting
from revsig_keras.defended_model.expectations import check_losses
from revsig_keras.defended_model.expectations import check_model
from revsig_keras.defended_model.expectations import check_prediction
from revsig_keras.defended_model.expectations import check_training
from revsig_keras.defended_model.heads import Heads
from revsig_keras.defended_model.outputs import names
from revsig_keras.defended_model.outputs import structure
from revsig_keras.defended_model.probe import probe


class _Default:
    """Stands for the default defence, so that `None` cannot: `make_defence("none")` is `None`."""

    def __repr__(self) -> str:
        return "ReverseSigmoid()"


_DEFAULT: Any = _Default()


@keras.saving.register_keras_serializable(package="revsig_keras")
class DefendedModel(keras.Model):
    """A classifier whose predictions are defended against model stealing.

    `predict`, `evaluate`, calls and exported SavedModels give defended probabilities; the clean
    ones never leave the model. `fit` trains the wrapped model as if there were no defence, so
    `loss` is that of the clean probabilities, while `val_loss` and all of `evaluate` are those of
    the defended ones, which the users of the model get. (A model with a `train_step` or
    `compute_loss` of its own is refused by `fit`: train it, and it shares its weights. One with a
    `predict_step` of its own is refused by `predict`. `evaluate` has the loss and metrics that were
    given to `compile` here: a `test_step` or `compute_metrics` of the model's own is left out.)

    `save` and `keras.saving.load_model` keep the wrapped model, so a `.keras` file is for the owner
    alone. Give away what `export` writes: it has no signature, output or attribute with clean
    probabilities. (Anybody who holds its files can still cut the graph open.)

    A model that does not emit what the defence expects is refused: logits or unnormalised scores,
    unless the defence has `from_logits=True`; several sigmoid units, unless it has
    `multi_label=True`. Where the configuration of the model does not tell, its answers do: to a few
    random inputs when it is first called or compiled, and to the first inputs it is called with.

    Of several outputs, the one named by `output` is defended, or those named by a dictionary of
    defences, and the others are passed on as they are. An output that determines the scores gives
    them away: the logits, say, or an embedding from which a thief can fit the last layer. Leave
    such outputs out of what is served.

    Args:
        model: Keras model or layer that emits class probabilities, `(..., classes)`: Sequential,
            functional or subclassed, built or not.
        defence: A `Defence`, never `None`: there is no undefended `DefendedModel`. For several
            outputs, a dictionary of defences by names as for `output`, such as
            `{"label": ReverseSigmoid(), "tags": ReverseSigmoid(multi_label=True)}`. Answers keep
            the dtype of the scores, unless the defence was given another `dtype`; where the dtype
            differs, `defence` here is a copy of the one given. Defaults to `ReverseSigmoid()`.
        output: The one of several outputs that is defended: its key in a dictionary, its index in a
            list or tuple ("key/index" if they are nested), or its name in `model.output_names`.
            `None` for the only output, or if `defence` is a dictionary. Defaults to `None`.
        **kwargs: Base model keyword arguments, such as `name`. The dtype policy is that of `model`
            unless it is given.

    Call arguments:
        inputs: The inputs of the wrapped model.
        training: Python boolean, passed to the wrapped model. No defence when it is `True`.

    Input and output shapes are those of the wrapped model.

    Example:

    >>> classifier = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, "softmax")])
    >>> served = DefendedModel(classifier, ReverseSigmoid(beta=0.7))
    >>> served(np.ones((2, 4))).shape.as_list()
    [2, 3]
    """

    def __init__(self,
                 model: keras.layers.Layer,
                 defence: Defence | Mapping[str | int, Defence] = _DEFAULT,
                 output: str | int | None = None,
                 **kwargs: Any):
        heads = Heads(ReverseSigmoid() if defence is _DEFAULT else defence, output)
        check_model(model)
        # By its policy Keras decides whether the loss is scaled.
        policy = None if model.quantization_mode else model.dtype_policy
        # Inputs reach the wrapped model as they are: it does its own autocast.
        super().__init__(autocast=False, **{"dtype": policy, **kwargs})
        outputs = structure(model, "output")
        heads.check_configuration(model, outputs)
        if outputs is not None:
            heads.follow_dtypes(model, outputs, in_copies=True)
        self.model = model
        defences = heads.defences
        # TensorFlow tracks dictionaries with keys of strings alone.
        self.defence: Any = defences if isinstance(defences, Defence) else {
            str(name): each for name, each in defences
        }
        self.defended_output = output
        self._heads = heads
        # Others are built by their first call, which is when Keras learns what they take.
        self.built = outputs is not None

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        self._probe(inputs)
        outputs = self.model(inputs, training=training)
        self._see(outputs)
        if not training and not self._heads.are_measured():
            self._heads.tell_ruin(self.model, outputs, made_up=False)

        def defend(defence: Defence, scores: Any) -> Any:
            marked = exporting.mark_of(self, defence)
            return defence(scores, training=training) if marked is None else marked(scores)

        return self._heads.defend(self.model, outputs, defend)

    def compute_output_spec(self, inputs: Any, training: bool | None = None) -> Any:
        outputs = self.model.compute_output_spec(inputs)
        if not self.built:
            self._heads.follow_dtypes(self.model, outputs, in_copies=False)
        return self._heads.defend(self.model, outputs,
                                  lambda defence, scores: defence.compute_output_spec(scores))

    def compute_output_shape(self, input_shape: Any) -> Any:
        inputs = keras.tree.map_shape_structure(keras.KerasTensor, input_shape)
        return keras.tree.map_structure(lambda x: x.shape, self.compute_output_spec(inputs))

    def check_outputs(self, outputs: Any, made_up: bool) -> None:
        """Checks outputs of the wrapped model, as the first call does.

        A warning names each defence that leaves hardly anything of the answers, once.

        Args:
            outputs: Outputs of the wrapped model.
            made_up: Whether its inputs were made up.

        Raises:
            ValueError: If they do not fit the defences.
        """
        self._heads.check_answers(self.model, outputs, "probed" if made_up else "seen")
        self._heads.tell_ruin(self.model, outputs, made_up)

    def defences_by_output(self) -> dict[Any, Defence]:
        """The defences by the outputs that they are for, `None` for the only output."""
        return {head.output: head.defence for head in self._heads}

    def defended_scores(self, outputs: Any) -> list[Any]:
        """The outputs of the wrapped model that are defended, in the order of the defences."""
        tensors = keras.tree.flatten(outputs)
        return [tensors[index] for index in self._heads.positions(self.model, outputs)]

    def _probe(self, inputs: Any = None) -> None:
        """Raises `ValueError` if the answers to random inputs do not fit the defences."""
        if self._heads.are("probed") or not self.model.built:
            return
        if inputs is None and structure(self.model, "input") is None:
            return
        outputs = probe(self.model, inputs)
        if outputs is None:
            self._heads.stop_probing()
        self._heads.check_answers(self.model, outputs, "probed")

    def _see(self, outputs: Any) -> None:
        """Raises `ValueError` if the answers to real inputs do not fit the defences."""
        if self._heads.are("seen"):
            return
        self._heads.check_configuration(self.model, outputs)
        self._heads.follow_dtypes(self.model, outputs, in_copies=False)
        self._heads.check_answers(self.model, outputs, "seen")

    def quantize(self, mode: str | None = None, **kwargs: Any) -> None:
        """Quantizes the wrapped model, not the defences; see `keras.Model.quantize`.

        Raises:
            ValueError: If a layer is not built yet. Nothing is changed then.
        """
        unbuilt = [layer.name for layer in self.model._flatten_layers() if not layer.built]
        if unbuilt:
            raise ValueError("A `DefendedModel` must be called before it is quantized. Received: "
                             f"{', '.join(unbuilt)}, not built yet")
        self.model.quantize(mode, **kwargs)
        self.train_function = self.test_function = self.predict_function = None

    # On JAX the variables have no values while these functions are compiled.
    def make_train_function(self, force: bool = False) -> Any:
        if type(self).train_step is keras.Model.train_step:
            check_training(self.model)
        self._probe()
        return super().make_train_function(force)

    def make_test_function(self, force: bool = False) -> Any:
        self._probe()
        return super().make_test_function(force)

    def make_predict_function(self, force: bool = False) -> Any:
        if type(self).predict_step is keras.Model.predict_step:
            check_prediction(self.model)
        self._probe()
        return super().make_predict_function(force)

    @property
    def output_names(self) -> Any:
        """The names of the wrapped model, so that losses and metrics keep theirs."""
        return self.model.output_names

    def compile(self,
                optimizer: Any = "rmsprop",
                loss: Any = None,
                loss_weights: Any = None,
                metrics: Any = None,
                weighted_metrics: Any = None,
                **kwargs: Any) -> None:
        """Configures training and evaluation; see `keras.Model.compile`."""
        for value in (loss, metrics, weighted_metrics):
            check_losses(value, self._defended_names())
        super().compile(optimizer, loss, loss_weights, metrics, weighted_metrics, **kwargs)

    def compile_from_config(self, config: dict[str, Any]) -> None:
        # Keras does the same, unless `compile` is overridden.
        self.compile(**keras.saving.deserialize_keras_object(config))
        if self.optimizer is not None and self.built:
            self.optimizer.build(self.trainable_variables)

    def _defended_names(self) -> list[str | int | None] | None:
        """The names by which losses may call a defended output; `None` if it is the only one."""
        outputs = structure(self.model, "output")
        if outputs is None:
            given = [head.output for head in self._heads]
            return None if given == [None] else given
        known = names(outputs)
        return None if len(known) == 1 else [
            name for index in self._heads.positions(self.model, outputs)
            for name in (index, known[index], self.output_names[index])
        ]

    def export(self,
               filepath: str | pathlib.Path,
               format: str = "tf_saved_model",
               verbose: bool | None = None,
               input_signature: Any = None,
               allow_outputs: Collection[str] = (),
               **kwargs: Any) -> None:
        """Exports the defended model; see `keras.Model.export`.

        Inputs keep the names, shapes and dtypes of the wrapped model's `keras.Input`, where it
        has one. A SavedModel is written completely or not at all, after it was inspected as by
        `python -m revsig_keras.inspect`: it has to be free of clean outputs. (Other backends than
        TensorFlow and other formats are not inspected.) For a folder that a server polls:
        `revsig_keras.export.publish(base, model.export)`.

        With a coded defence, the SavedModel has a file `assets.extra/code_table.json`, the `table`
        of the defence, by which a client in any language decodes answers. (With another format,
        write `defence.table(classes)` yourself.)

        Args:
            allow_outputs: Names of outputs, or one name, that stay as they are because the scores
                cannot be computed from them.

        Raises:
            ValueError: If another output would be clean. Nothing is written then.
        """
        if input_signature is None:
            input_signature = exporting.input_signature(self.model)
        options = {"format": format, "input_signature": input_signature, **kwargs}
        if format != "tf_saved_model" or keras.backend.backend() != "tensorflow":
            super().export(filepath, verbose=verbose, **options)
            return
        is_final = exporting.write_checked(self, filepath,
                                           check_names("allow_outputs", allow_outputs), **options)
        if verbose is not False and is_final:
            print(f"Saved a defended model at '{filepath}'.")

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "model": keras.saving.serialize_keras_object(self.model),
            "defence": keras.saving.serialize_keras_object(self._heads.defences),
            "output": self.defended_output,
        }

    @classmethod
    def from_config(cls,
                    config: dict[str, Any],
                    custom_objects: dict[str, Any] | None = None) -> "DefendedModel":
        parts = {
            key: keras.saving.deserialize_keras_object(config[key], custom_objects=custom_objects)
            for key in ("model", "defence")
            if config.get(key) is not None
        }
        if isinstance(parts.get("defence"), list):
            parts["defence"] = dict(parts["defence"])
        others = {key: value for key, value in config.items() if key not in ("model", "defence")}
        return cls(**parts, **others)


# An HDF5 file has the name of its outermost model without the package.
keras.saving.get_custom_objects()[DefendedModel.__name__] = DefendedModel
